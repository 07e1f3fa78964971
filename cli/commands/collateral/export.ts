import { encodeBundle } from '../../../lib/attestation/collateral/bundle.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';

interface Flags {
  readonly out: string;
  readonly json?: true;
}

/** `consilium collateral export`: one file for machines without a connection. */
export const collateralExport: CommandModule = {
  register(group, io) {
    const command = group
      .command('export')
      .summary('put everything into one file, for machines without a connection')
      .description(
        'Writes a bundle that `import` and `attest verify --collateral` read. The same items give the same bytes.',
      )
      .argument('<folder>', 'folder of collateral')
      .requiredOption('--out <bundle>', 'the new file')
      .action(async (folder: string) => {
        const { out, json } = command.optsWithGlobals<Flags>();
        const { readFolder } = await import('../../../lib/attestation/collateral-folder/collateral-folder.ts');
        const { writePublic } = await import('../../setup/write-file.ts');
        const items = readFolder(folder).state.held.map(({ item }) => item);
        if (items.length === 0) throw new RefusalError(refusal('E-USAGE', `${folder}: holds nothing to export`));
        await writePublic(out, encodeBundle(items));
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'collateral-bundle', out, items: items.length })}\n`
            : `${out}: ${items.length} ${items.length === 1 ? 'item' : 'items'}\n`,
        );
      });
    addExamples(command, [['consilium collateral export collateral --out collateral-2026-06.bundle', 'Once a month:']]);
  },
};
