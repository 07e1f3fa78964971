import { toHex } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { printable } from '../../output/printable.ts';
import { askLine } from '../../setup/ask-line.ts';
import { readOrganisation, spokenWords } from '../../setup/organisation.ts';
import { confirmOrganisation, readOverlay } from '../../setup/overlay.ts';
import { sameWords } from '../../setup/spoken-words.ts';

interface Flags {
  readonly overlay: string;
  readonly words?: string;
  readonly json?: true;
}

/** `consilium org confirm`: pins another organisation's key after a telephone call. */
export const orgConfirm: CommandModule = {
  register(group, io) {
    const command = group
      .command('confirm')
      .summary('confirm the key of another organisation')
      .description(
        'Confirms the key in an organisation.json that somebody sent you. Call the organisation on a number that ' +
          'you already had, and let them read out six words; never take words and file from the same source.',
      )
      .argument('<file>', "the other's organisation.json")
      .requiredOption('--overlay <file>', 'your overlay.yaml; made if it is not there')
      .option('--words <words>', 'the six words you were told (default: asked for on the terminal)')
      .action(async (file: string) => {
        const { overlay, words, json } = command.optsWithGlobals<Flags>();
        const organisation = await readOrganisation(file);
        const { id, key } = organisation;
        const name = printable(organisation.name);
        const heard = words ?? (await askLine(`Call ${name} (${id}). Which six words do they read out?\n> `));
        if (heard === null) throw new RefusalError(refusal('E-USAGE', 'without a terminal, give --words "…"'));
        if (!sameWords(heard, spokenWords(organisation)))
          throw new RefusalError(refusal('E-ORG-WORDS', `${file}: nothing was confirmed`));
        const earlier = (await readOverlay(overlay)).confirmed.find((entry) => entry.id === id);
        await confirmOrganisation(overlay, organisation, new Date());
        const replaced = earlier !== undefined && earlier.key !== toHex(key);
        if (json) {
          io.stdout.write(`${JSON.stringify({ type: 'confirmed', id, key: toHex(key), overlay, replaced })}\n`);
          return;
        }
        io.stdout.write(`${name} (${id}) is confirmed in ${overlay}.\n`);
        if (replaced) io.stdout.write(`It replaces another key, confirmed ${printable(earlier.confirmedAt)}.\n`);
      });
    addExamples(command, [
      ['consilium org confirm st-anne.json --overlay overlay.yaml', 'With the other hospital on the telephone:'],
      [
        'consilium org confirm st-anne.json --overlay overlay.yaml --words "abandon ability able about above absent"',
        'The words written down beforehand:',
      ],
    ]);
  },
};
