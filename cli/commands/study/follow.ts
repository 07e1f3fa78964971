import { RefusalError, type ErrorCode } from '../../../lib/core/errors.ts';
import type { ClientOf } from '../../../lib/wire/client.ts';
import type { StudyEvent, studyMethods } from '../../../lib/wire/study-codec.ts';
import type { Progress } from '../../output/progress-event.ts';

const RETRY_MS = 500;
/** Behind an ending the coordinator may still tell of a later launch; silence of this length means it does not. */
const QUIET_MS = 400;
const ENDINGS = new Set(['finished', 'failed', 'stopped']);

export interface Ending {
  readonly outcome: string;
  /** null: nothing was refused. */
  readonly code: ErrorCode | null;
}

interface Following {
  readonly client: ClientOf<typeof studyMethods>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Shows a study from the beginning until it ends, through every loss of the coordinator; null when `signal` aborts. */
export async function followStudy({ client, progress, signal }: Following): Promise<Ending | null> {
  const told = new Told(progress);
  while (!signal.aborted) {
    const status = await client.getStatus({});
    if (status.ok) {
      const { phase, rounds, code } = status.value;
      const silence = new AbortController();
      let timer: NodeJS.Timeout | undefined;
      let ending: Ending | null = null;
      const mayBeOver = (now: Ending | null): void => {
        ending = now;
        clearTimeout(timer);
        if (now !== null)
          timer = setTimeout(() => {
            silence.abort();
          }, QUIET_MS);
      };
      mayBeOver(ENDINGS.has(phase) ? { outcome: phase, code } : null);
      try {
        const until = AbortSignal.any([signal, silence.signal]);
        for await (const event of client.watch({ fromSequence: 0 }, { signal: until })) {
          told.tell(event, rounds);
          mayBeOver(event.kind === 'studyFinished' ? { outcome: event.outcome, code: event.code } : null);
        }
      } catch (fault) {
        if (!(fault instanceof RefusalError)) throw fault;
      } finally {
        clearTimeout(timer);
      }
      if (silence.signal.aborted) return ending;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return null;
}

/** Events in the words of a watcher, each told once although every new connection begins at the beginning. */
class Told {
  readonly #progress: Progress;
  readonly #seen = new Set<string>();
  readonly #openedAt = new Map<number, number>();

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  tell(event: StudyEvent, rounds: number): void {
    const key = `${event.sequence}/${event.at}/${event.kind}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    switch (event.kind) {
      case 'phaseChanged':
        this.#progress.show({ type: 'phase', text: `the study is ${event.phase}` });
        return;
      case 'roundPhase': {
        const { round, attempt, phase, at } = event;
        if (phase === 'opening') this.#openedAt.set(round, at);
        this.#progress.show({ type: 'round', round, rounds, attempt, phase });
        return;
      }
      case 'siteProgress':
        this.#progress.show({ type: 'site', site: event.organisation, round: event.round, step: event.step });
        return;
      case 'roundReleased': {
        // The coordinator's times, not ours: most of the story may be old.
        const ms = event.at - (this.#openedAt.get(event.round) ?? event.at);
        this.#progress.show({ type: 'released', round: event.round, ms });
        return;
      }
      case 'roundAborted':
        this.#progress.show({ type: 'aborted', round: event.round, attempt: event.attempt, code: event.code });
        return;
      case 'studyFinished':
        this.#progress.show({ type: 'phase', text: `the study is ${event.outcome}` });
    }
  }
}
