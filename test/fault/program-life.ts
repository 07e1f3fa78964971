/**
 * One life of a program, from its start to its kill. Whatever it still has under way when it ends reaches nobody: its
 * ports wait for ever.
 */
export class ProgramLife {
  readonly #ending = new AbortController();

  get alive(): boolean {
    return !this.#ending.signal.aborted;
  }

  /** Aborted at the end. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** A kill -9: nothing of the program runs any more. */
  end(): void {
    this.#ending.abort();
  }

  /** Called once at the end, at once when it is over; the returned function takes it back. */
  onEnd(listener: () => void): () => void {
    const { signal } = this.#ending;
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
    return () => {
      signal.removeEventListener('abort', listener);
    };
  }

  /** What a program waits for that is no more. */
  never(): Promise<never> {
    return new Promise(() => undefined);
  }

  /** The outcome of `work`, if the program still lives to see it. */
  async seen<T>(work: Promise<T>): Promise<T> {
    const outcome = await work.then(
      (value) => () => value,
      (fault: unknown) => () => {
        throw fault;
      },
    );
    return this.alive ? outcome() : this.never();
  }
}
