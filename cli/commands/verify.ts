import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { verifyModelCommand } from './verify/model.ts';

/** `consilium verify …`: checks that need nobody's word. */
export const verifyCommand: CommandModule = {
  register(program, io) {
    const group = program
      .command('verify')
      .helpGroup(HELP_GROUP.check)
      .summary('check a released model offline')
      .description('Checks what a study released, offline, with keys and roots from your own hands.');
    verifyModelCommand.register(group, io);
  },
};
