import type { VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import { RefusalError, type Refusal } from '../../../lib/core/errors.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { printable } from '../../output/printable.ts';
import { itemJson, itemText } from './item-text.ts';

interface Flags {
  readonly into: string;
  readonly json?: true;
}

/** `consilium collateral import`: takes in files, offline. */
export const collateralImport = (roots: VendorRoots): CommandModule => ({
  register(group, io) {
    const command = group
      .command('import')
      .summary('store files of the vendors after verifying them')
      .description(
        'Takes in bundles of `consilium collateral export` and files of the vendors: PEM, DER, Intel’s JSON, RIMs. ' +
          'Every item must lead to a vendor’s root; if one does not, nothing is stored. Items that are older than what ' +
          'was seen before are passed over, and the command ends with 77.',
      )
      .argument('<file...>', 'files, or folders of files')
      .requiredOption('--into <folder>', 'folder of collateral; made if it is not there')
      .action(async (files: readonly string[]) => {
        await run(files, command.optsWithGlobals<Flags>(), roots, io);
      });
    addExamples(command, [
      ['consilium collateral import collateral-2026-06.bundle --into collateral', 'The monthly bundle:'],
      ['consilium collateral import tcb.json qe.json crls.pem --into collateral', 'Files as they come from Intel:'],
    ]);
  },
});

async function run(files: readonly string[], { into, json }: Flags, roots: VendorRoots, io: CliIo): Promise<void> {
  const { collateralAt, storeItems } = await import('../../setup/collateral-files.ts');
  const items = (await Promise.all(files.map(collateralAt))).flat();
  const outcome = storeItems(into, items, roots);
  if (!outcome.ok) throw refusals(outcome.error);
  const { stored, older } = outcome.value;
  if (json) {
    io.stdout.write(`${JSON.stringify({ type: 'collateral-stored', stored: stored.map(itemJson) })}\n`);
  } else {
    const lines = stored.map((facts) => `stored  ${printable(itemText(facts))}`);
    const nothing = older.length === 0 ? 'Nothing new: everything was held already.' : 'Nothing was stored.';
    io.stdout.write(`${lines.length === 0 ? nothing : lines.join('\n')}\n`);
  }
  if (older.length > 0) throw refusals(older);
}

function refusals(all: readonly Refusal[]): Error {
  const [first, ...more] = all;
  return first === undefined ? new Error('refused without a reason') : new RefusalError(first, ...more);
}
