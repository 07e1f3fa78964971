import { ERRORS, type ErrorCode } from '../../../lib/core/errors.ts';
import type { StudyStatus } from '../../../lib/wire/study-codec.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { renderTable } from '../../output/table.ts';
import { answerOf, askCoordinator, withResearcherConfig } from './study-client.ts';

/** `consilium study status`: where a study stands. */
export const studyStatus: CommandModule = {
  register(group, io) {
    const command = withResearcherConfig(group.command('status'))
      .summary('show where a study stands')
      .description(
        'Shows the phase of a study, its released rounds, and which hospitals have approved and are connected.',
      )
      .action(async () => {
        const status = await askCoordinator(command, async (client) => answerOf(await client.getStatus({})));
        const { json } = command.optsWithGlobals<{ json?: true }>();
        io.stdout.write(json ? `${JSON.stringify({ type: 'status', ...status })}\n` : statusText(status));
      });
    addExamples(command, [['consilium study status --config researcher.yaml', 'Has everybody approved?']]);
  },
};

function statusText({ phase, round, rounds, sites, code }: StudyStatus): string {
  const table = renderTable(
    ['hospital', 'approved', 'connected', 'last seen', 'step'].map((title) => ({ title, align: 'left' })),
    sites.map(({ organisation, approved, connected, lastSeen, step }) => [
      organisation,
      approved ? 'yes' : 'no',
      connected ? 'yes' : 'no',
      lastSeen === null ? null : new Date(lastSeen).toISOString(),
      step,
    ]),
  );
  return `The study is ${phase}; ${round} of ${rounds} rounds are released.\n${code === null ? '' : why(code)}\n${table}`;
}

/** What stopped the study and what to do now, as for a refusal. */
function why(code: ErrorCode): string {
  const { what, next } = ERRORS[code];
  return `\n${what}\n${next}\n(${code}; more: consilium errors ${code})\n`;
}
