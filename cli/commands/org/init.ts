import { systemRandom } from '../../../lib/channel/random.ts';
import type { OrganisationId } from '../../../lib/core/ids.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { initOrganisation, organisationPaths, spokenWords } from '../../setup/organisation.ts';
import { confirmOrganisation } from '../../setup/overlay.ts';
import { refuseExisting } from '../../setup/write-file.ts';
import { idValue } from '../option-values.ts';

const KEY_BYTES = 32;

interface Flags {
  readonly id: OrganisationId;
  readonly name: string;
  readonly out: string;
  readonly json?: true;
}

/** `consilium org init`: a new key pair of an organisation. */
export const orgInit: CommandModule = {
  register(group, io) {
    const command = group
      .command('init')
      .summary('make the key of an organisation')
      .description(
        'Makes the signing key of an organisation (organisation.key, for its owner only), what others may see of it ' +
          '(organisation.json) and the list of confirmed organisations (overlay.yaml) with itself in it. ' +
          'Prints the six words to read out on the telephone.',
      )
      .requiredOption('--id <id>', 'short name in contracts: lower-case letters, digits, hyphens', idValue)
      .requiredOption('--name <name>', 'full name')
      .requiredOption('--out <folder>', 'where the three files go; none is overwritten')
      .action(async () => {
        const { id, name, out, json } = command.optsWithGlobals<Flags>();
        const files = organisationPaths(out);
        refuseExisting(files.key, files.public, files.overlay);
        const organisation = await initOrganisation(out, { id, name, seed: systemRandom(KEY_BYTES) });
        await confirmOrganisation(files.overlay, organisation, new Date());
        const words = spokenWords(organisation);
        if (json) {
          const shown = { type: 'organisation', id, name, key: toHex(organisation.key), words, files };
          io.stdout.write(`${JSON.stringify(shown)}\n`);
          return;
        }
        const lines = [
          `Secret key         ${files.key}`,
          `For the others     ${files.public}`,
          `Confirmed by you   ${files.overlay}`,
          '',
          'Send organisation.json to the others. When they call, read out these six words:',
          '',
          `    ${words}`,
          '',
        ];
        io.stdout.write(lines.join('\n'));
      });
    addExamples(command, [
      ['consilium org init --id st-anne --name "St Anne\'s Hospital" --out st-anne', 'At the hospital, once:'],
    ]);
  },
};
