import { overlayOf } from '../../../site-agent/overlay-file.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { readContract } from '../../setup/contract-file.ts';
import { readExistingOverlay } from '../../setup/overlay.ts';
import { contractAsJson } from './contract-json.ts';
import { contractSummary } from './contract-summary.ts';

interface Flags {
  readonly overlay?: string;
  readonly json?: true;
}

/** `consilium contract show`: what a hospital is asked to sign, in plain words. */
export const contractShow: CommandModule = {
  register(group, io) {
    const command = group
      .command('show')
      .summary('read a contract in plain words')
      .description(
        'Shows what a contract allows: purpose, who takes part, the smallest cohort, what leaves the hospital, model, ' +
          'privacy plan, believed programs, validity and digest.',
      )
      .argument('<file>', 'the contract')
      .option('--overlay <file>', 'your overlay.yaml: shows whose keys you have confirmed')
      .action(async (file: string) => {
        const { overlay, json } = command.optsWithGlobals<Flags>();
        const sealed = await readContract(file);
        if (json) {
          io.stdout.write(`${contractAsJson(sealed)}\n`);
          return;
        }
        const confirmed = overlay === undefined ? null : overlayOf(await readExistingOverlay(overlay)).confirmedKeys;
        io.stdout.write(`${contractSummary(sealed, { columns: io.stdout.size().columns, confirmed })}\n`);
      });
    addExamples(command, [
      ['consilium contract show contract.cbor --overlay overlay.yaml', 'Before approving:'],
      ['consilium contract show contract.cbor --json', 'Every field, for a program:'],
    ]);
  },
};
