import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { contractApprove } from './contract/approve.ts';
import { contractDraft } from './contract/draft.ts';
import { contractShow } from './contract/show.ts';
import { contractSuccessor } from './contract/successor.ts';
import { contractWithdraw } from './contract/withdraw.ts';

/** `consilium contract …`: the one document that a study runs under. */
export const contractCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('contract')
      .helpGroup(HELP_GROUP.run)
      .summary('draft, read, approve, succeed or leave a study contract')
      .description(
        'The study contract says who learns what from which data, by which programs and until when. Nothing runs ' +
          'before enough hospitals have signed it; any change is a new contract.',
      );
    for (const module of [contractDraft, contractSuccessor, contractShow, contractApprove, contractWithdraw])
      module.register(group, io);
  },
};
