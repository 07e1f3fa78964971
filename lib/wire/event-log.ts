import type { Instant } from '../core/ids.ts';

interface Stamp {
  readonly sequence: number;
  readonly at: Instant;
}

/** An event before it has its number and time. */
export type NoticeOf<E extends Stamp> = E extends Stamp ? Omit<E, keyof Stamp> : never;

/** Kept for watchers who come later; what is older is in the statement chain. */
const KEPT = 100_000;

/** Numbers what happened in this boot, keeps it, and feeds every watcher from where it wants to begin. */
export class EventLog<E extends Stamp> {
  readonly #events: E[] = [];
  #dropped = 0;
  readonly #waiting = new Set<() => void>();
  readonly #now: () => Instant;

  constructor(now: () => Instant) {
    this.#now = now;
  }

  add(notice: NoticeOf<E>): void {
    const sequence = this.#dropped + this.#events.length;
    // The same fields again, with the two that the notice lacks.
    this.#events.push({ ...notice, sequence, at: this.#now() } as unknown as E);
    if (this.#events.length > KEPT) {
      this.#events.shift();
      this.#dropped += 1;
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** Every kept event from `from` on, then what comes, until `signal` aborts. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<E> {
    let next = Math.max(from, this.#dropped);
    while (!signal.aborted) {
      const event = this.#events[next - this.#dropped];
      if (event === undefined) {
        await this.#change(signal);
        continue;
      }
      next = event.sequence + 1;
      yield event;
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
