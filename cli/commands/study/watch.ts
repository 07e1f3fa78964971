import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { createProgress } from '../../output/progress.ts';
import { followStudy } from './follow.ts';
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
        const ending = await askCoordinator(command, async (client) => {
          // A coordinator that is not there now is a mistake; one that goes away later comes back.
          answerOf(await client.getStatus({}));
          const progress = createProgress(io, { json });
          try {
            return await followStudy({ client, progress, signal: interruption(io) });
          } finally {
            progress.close();
          }
        });
        if (ending === null) throw new RefusalError(refusal('E-INTERRUPTED', 'only the watching; the study goes on'));
        const { outcome, code } = ending;
        if (json) io.stdout.write(`${JSON.stringify({ type: 'ended', outcome, code })}\n`);
        if (outcome !== 'finished')
          throw new RefusalError(refusal(code ?? 'E-ROUND-STOPPED', `the study is ${outcome}`));
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
