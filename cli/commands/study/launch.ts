import { addExamples, type CommandModule } from '../../command-module.ts';
import { wholeNumber } from '../option-values.ts';
import { answerOf, askCoordinator, withResearcherConfig } from './study-client.ts';

const MAX_ROUNDS = 100_000;

interface Flags {
  readonly rounds?: number;
  readonly json?: true;
}

/** `consilium study launch`: begins the rounds, or goes on after a stop. */
export const studyLaunch: CommandModule = {
  register(group, io) {
    const command = withResearcherConfig(group.command('launch'))
      .summary('begin the rounds of a study')
      .description(
        'Begins a study once enough hospitals have approved, or goes on after a stop. The first round opens when every ' +
          "hospital is connected, or enough of them after the coordinator's waiting time.",
      )
      .option(
        '--rounds <n>',
        'end the study after so many rounds (default: all that the contract allows)',
        wholeNumber(MAX_ROUNDS),
      )
      .action(async () => {
        const flags = command.optsWithGlobals<Flags>();
        const rounds = await askCoordinator(command, async (client) => {
          const status = answerOf(await client.getStatus({}));
          const wanted = flags.rounds ?? Math.max(1, status.rounds - status.round);
          answerOf(await client.launch({ rounds: wanted }));
          return Math.min(wanted, status.rounds - status.round);
        });
        io.stdout.write(
          flags.json
            ? `${JSON.stringify({ type: 'launched', rounds })}\n`
            : `Launched for ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.\n`,
        );
      });
    addExamples(command, [
      ['consilium study launch --config researcher.yaml', 'Every round of the contract:'],
      ['consilium study launch --config researcher.yaml --rounds 5', 'Fewer than the contract allows:'],
    ]);
  },
};
