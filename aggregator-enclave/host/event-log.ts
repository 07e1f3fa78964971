import type { EnclaveEvent as WireEvent } from '../../lib/wire/control-codec.ts';

type Kind = WireEvent extends infer E ? (E extends WireEvent ? Omit<E, 'sequence' | 'at'> : never) : never;
export type EnclaveNotice = Kind;

/** Events a coordinator may still ask for; older ones are in the statement chain. */
const KEPT = 100_000;

/** Numbers what happened in this boot, keeps it, and feeds every watcher from where it wants to begin. */
export class EventLog {
  readonly #events: WireEvent[] = [];
  #dropped = 0;
  readonly #waiting = new Set<() => void>();
  readonly #now: () => WireEvent['at'];

  constructor(now: () => WireEvent['at']) {
    this.#now = now;
  }

  add(notice: EnclaveNotice): void {
    const sequence = this.#dropped + this.#events.length;
    this.#events.push({ ...notice, sequence, at: this.#now() } as WireEvent);
    if (this.#events.length > KEPT) {
      this.#events.shift();
      this.#dropped += 1;
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** Every kept event from `from` on, then what comes, until `signal` aborts. */
  async *watch(from: number, signal: AbortSignal): AsyncGenerator<WireEvent> {
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
