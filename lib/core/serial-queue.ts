/** Runs asynchronous tasks one after the other, in the order they were given. A failed task does not stop the next. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** The same until a task fails: what the tasks share is in doubt then, and every later one rejects with that fault. */
export class FailStopQueue {
  readonly #queue = new SerialQueue();
  readonly #onFault: (fault: unknown) => void;
  #failed: { readonly fault: unknown } | null = null;

  /** `onFault`: called once; has to end the program. */
  constructor(onFault: (fault: unknown) => void) {
    this.#onFault = onFault;
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      if (this.#failed !== null) throw this.#failed.fault;
      try {
        return await task();
      } catch (fault) {
        this.#failed = { fault };
        this.#onFault(fault);
        throw fault;
      }
    });
  }
}
