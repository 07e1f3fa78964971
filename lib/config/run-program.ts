import { parseArgs } from 'node:util';
import { describeRefusal, ERRORS, refusal, RefusalError } from '../core/errors.ts';

/** A request to end, from a signal or from the program itself. */
export interface Stop {
  readonly signal: AbortSignal;
  readonly now: () => void;
}

/**
 * Runs one of the three programs: `--config FILE` is its only argument. SIGTERM, SIGINT and SIGHUP ask it to stop.
 * A refusal ends it with the refusal's exit code and one line on stderr.
 */
export async function runProgram(run: (configPath: string, stop: Stop) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop: Stop = {
    signal: controller.signal,
    now: () => {
      controller.abort();
    },
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop.now);
  try {
    await run(configArgument(), stop);
    // Whatever still hangs (a stuck socket, a worker) must not keep a stopped program alive.
    process.exit(0);
  } catch (fault) {
    if (!(fault instanceof RefusalError)) throw fault;
    for (const refused of fault.refusals) process.stderr.write(`${describeRefusal(refused)}\n`);
    process.exit(ERRORS[fault.refusals[0].code].exit);
  }
}

function configArgument(): string {
  const { values } = parseArgs({ options: { config: { type: 'string' } }, strict: true });
  if (values.config === undefined) throw new RefusalError(refusal('E-USAGE', '--config FILE is required'));
  return values.config;
}

/** Resolves when the program is asked to stop. */
export const stopped = ({ signal }: Stop): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener('abort', () => {
        resolve();
      });
  });

/**
 * Started by a supervisor that keeps a channel open, such as `simulate`, this process ends in order when the channel
 * closes, however early that was; started otherwise, nothing changes.
 */
export function endWithSupervisor(): void {
  if (process.send === undefined) return;
  const end = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', end);
  // The listener would otherwise keep a program alive that has nothing more to do.
  process.channel?.unref();
  if (!process.connected) end();
}
