import { addExamples, type CommandModule } from '../../command-module.ts';
import { answerOf, askCoordinator, withResearcherConfig } from './study-client.ts';

interface Flags {
  readonly reason: string;
  readonly json?: true;
}

/** `consilium study stop`: no further round, until a launch. */
export const studyStop: CommandModule = {
  register(group, io) {
    const command = withResearcherConfig(group.command('stop'))
      .summary('stop a study')
      .description('Stops a study: the round under way is given up, and none follows before the next launch.')
      .option('--reason <text>', 'one line for the record', 'asked for by the researcher')
      .action(async () => {
        const { reason, json } = command.optsWithGlobals<Flags>();
        await askCoordinator(command, async (client) => answerOf(await client.stop({ reason })));
        io.stdout.write(json ? `${JSON.stringify({ type: 'stopped' })}\n` : 'Stopped.\n');
      });
    addExamples(command, [['consilium study stop --config researcher.yaml --reason "ethics board asked"', 'At once:']]);
  },
};
