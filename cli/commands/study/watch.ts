import { openContract } from '../../../lib/contract/study-contract.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { createProgress } from '../../output/progress.ts';
import { watchStudy, type WatchedStudy } from '../../simulation/watch-study.ts';
import { answerOf, askCoordinator, withResearcherConfig } from './study-client.ts';

/** `consilium study watch`: follows a study to its end. */
export const studyWatch: CommandModule = {
  register(group, io) {
    const command = withResearcherConfig(group.command('watch'))
      .summary('follow a study to its end')
      .description(
        'Shows rounds and hospitals as they go, from the beginning, through restarts of the coordinator. Ends with 0 ' +
          'when the study has finished. Ctrl-C ends the watching, not the study.',
      )
      .action(async () => {
        const { json = false } = command.optsWithGlobals<{ json?: true }>();
        const watched = await askCoordinator(command, async (client, connection) => {
          const sealed = answerOf(openContract(answerOf(await client.getContract({})).contract));
          const progress = createProgress(io, { json });
          const signal = interruption(io);
          try {
            return await watchStudy({ connection, sealed, progress, signal, onReleased: async () => ({}) });
          } finally {
            progress.close();
          }
        });
        conclude(watched, json, io);
      });
    addExamples(command, [
      ['consilium study watch --config researcher.yaml', 'In a terminal of its own:'],
      ['consilium study watch --config researcher.yaml --json', 'Every event, for a program:'],
    ]);
  },
};

function interruption({ outputClosed }: CliIo): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      stopping.abort();
    });
  }
  return AbortSignal.any([stopping.signal, outputClosed]);
}

function conclude(watched: WatchedStudy | null, json: boolean, io: CliIo): void {
  if (watched === null) throw new RefusalError(refusal('E-INTERRUPTED', 'only the watching; the study goes on'));
  const { outcome, code, rounds } = watched;
  if (json) io.stdout.write(`${JSON.stringify({ type: 'ended', outcome, code, rounds })}\n`);
  if (outcome !== 'finished') throw new RefusalError(refusal(code ?? 'E-ROUND-STOPPED', `the study ended: ${outcome}`));
  if (!json) io.stdout.write(`The study has finished: ${rounds.length} rounds were released.\n`);
}
