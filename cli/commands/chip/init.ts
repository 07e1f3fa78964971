import { join } from 'node:path';
import { simulatedRoot } from '../../../lib/attestation/simulated/chip.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { rootsText } from '../../setup/roots-file.ts';
import { refuseExisting, writeNew, writeSecret } from '../../setup/write-file.ts';

const SEED_BYTES = 32;

/** `consilium chip init`: the root of simulated chips. */
export const chipInit: CommandModule = {
  register(group, io) {
    const command = group
      .command('init')
      .summary('make the root of simulated chips')
      .description(
        'Makes what stands in for a chip maker: chip-root.seed (secret; every simulated machine needs it) and ' +
          'roots.json (its public root, for configurations and for `consilium verify model`).',
      )
      .requiredOption('--out <folder>', 'where both files go; none is overwritten')
      .action(async () => {
        const { out, json } = command.optsWithGlobals<{ out: string; json?: true }>();
        const files = { rootSeed: join(out, 'chip-root.seed'), roots: join(out, 'roots.json') };
        refuseExisting(...Object.values(files));
        const seed = systemRandom(SEED_BYTES);
        const root = simulatedRoot(seed);
        await writeSecret(files.rootSeed, seed);
        await writeNew(files.roots, rootsText([root]));
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'chip', simulated: true, root: toHex(root), files })}\n`
            : `SIMULATED, protects nothing. Root, for the configurations and in ${files.roots}:\n\n    ${toHex(root)}\n\n` +
                `The secret of every simulated machine: ${files.rootSeed}\n`,
        );
      });
    addExamples(command, [['consilium chip init --out chip', 'Once per trial:']]);
  },
};
