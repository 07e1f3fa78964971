import { addExamples, type CommandModule } from '../../command-module.ts';
import { DISCLOSURES, SIGNALS } from '../../output/disclosures.ts';
import { whatLeavesPage } from '../../output/what-leaves-page.ts';

/** `consilium privacy what-leaves`: every field of every message that leaves a hospital. */
export const privacyWhatLeaves: CommandModule = {
  register(group, io) {
    const command = group
      .command('what-leaves')
      .summary('list everything that leaves a hospital, and why')
      .description(
        'Prints docs/what-leaves.md: every field of every message that leaves a hospital, its content, who sees it, ' +
          'and why it may leave.',
      )
      .action(() => {
        const { json } = command.optsWithGlobals<{ readonly json?: true }>();
        if (json)
          io.stdout.write(`${JSON.stringify({ type: 'what-leaves', messages: DISCLOSURES, signals: SIGNALS })}\n`);
        else io.stdout.write(whatLeavesPage());
      });
    addExamples(command, [['consilium privacy what-leaves', 'Before approving a contract:']]);
  },
};
