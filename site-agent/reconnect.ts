const FIRST_MS = 200;
const LARGEST_MS = 30_000;
const GROWTH = 1.5;

/** Growing pauses between sessions, with jitter so that hospitals do not come back all at once. */
export class Backoff {
  readonly #signal: AbortSignal;
  #nextMs = FIRST_MS;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** After a session that stood. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }

  /** Ends early when the program stops. */
  wait(): Promise<void> {
    const ms = this.#nextMs * (0.5 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * GROWTH, LARGEST_MS);
    return new Promise((resolve) => {
      const signal = this.#signal;
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      if (signal.aborted) done();
      else signal.addEventListener('abort', done);
    });
  }
}
