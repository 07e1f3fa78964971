import { toHex } from '../../../lib/core/bytes.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { readOrganisation, spokenWords } from '../../setup/organisation.ts';

/** `consilium org words`: what to read out on the telephone. */
export const orgWords: CommandModule = {
  register(group, io) {
    const command = group
      .command('words')
      .summary('print the six words of an organisation')
      .description(
        'Prints the six words that name an organisation and its key. Read out those of your own file; never tell a ' +
          'caller the words of somebody else.',
      )
      .argument('<file>', 'organisation.json')
      .action(async (file: string) => {
        const organisation = await readOrganisation(file);
        const words = spokenWords(organisation);
        const { id, name, key } = organisation;
        const shown = { type: 'organisation', id, name, key: toHex(key), words };
        io.stdout.write(`${command.optsWithGlobals<{ json?: true }>().json ? JSON.stringify(shown) : words}\n`);
      });
    addExamples(command, [['consilium org words st-anne/organisation.json', 'When another hospital calls:']]);
  },
};
