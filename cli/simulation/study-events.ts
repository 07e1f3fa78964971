import { ERRORS, RefusalError, type ErrorCode } from '../../lib/core/errors.ts';
import { clientOf } from '../../lib/wire/client.ts';
import type { Connection } from '../../lib/wire/connection.ts';
import { studyMethods, type StudyEvent } from '../../lib/wire/study-codec.ts';

const RETRY_MS = 200;

interface Listening {
  readonly signal: AbortSignal;
  /** Before a coordinator that went away is asked again. */
  readonly onLost?: () => Promise<void>;
}

/**
 * What a coordinator tells whoever watches its study, each event once although a coordinator that restarts tells its
 * whole story again. Ends when `signal` aborts; throws RefusalError for a refusal that would be repeated.
 */
export async function* studyEvents(
  connection: Connection,
  { signal, onLost }: Listening,
): AsyncGenerator<StudyEvent, void> {
  const client = clientOf(connection, studyMethods);
  const seen = new Set<string>();
  while (!signal.aborted) {
    try {
      for await (const event of client.watch({ fromSequence: 0 }, { signal })) {
        const { sequence: _sequence, at: _at, ...told } = event;
        const key = JSON.stringify(told, (_name, value: unknown) =>
          value instanceof Uint8Array ? value.length : value,
        );
        if (seen.has(key)) continue;
        seen.add(key);
        yield event;
      }
    } catch (fault) {
      if (!(fault instanceof RefusalError) || !mayPass(fault.refusals[0].code)) throw fault;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    await onLost?.();
  }
}

/** A coordinator that restarts is watched again; anything else that is refused would be refused again. */
export const mayPass = (code: ErrorCode): boolean => ERRORS[code].retryable;
