/** Messages beyond which nothing more is read from the transport until the application takes some. */
const MAX_WAITING_MESSAGES = 64;

type Ending = { readonly kind: 'clean' } | { readonly kind: 'fault'; readonly fault: Error };

interface Waiter {
  readonly resolve: (message: Uint8Array | null) => void;
  readonly reject: (fault: Error) => void;
}

/** Received messages on their way to the application, bounded in number and bytes. */
export class Inbox {
  readonly #maxBytes: number;
  readonly #messages: Uint8Array[] = [];
  readonly #waiters: Waiter[] = [];
  #bytes = 0;
  #ending: Ending | null = null;
  #onRoom: (() => void) | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Resolves at once unless messages wait that fill the inbox. One call at a time. */
  room(): Promise<void> {
    if (this.#ending !== null || !this.#isFull()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  push(message: Uint8Array): void {
    if (this.#ending !== null) return;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(message);
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.length;
  }

  /** Messages that arrived whole are still delivered; then null, or the fault. */
  end(ending: Ending): void {
    if (this.#ending !== null) return;
    this.#ending = ending;
    for (const waiter of this.#waiters.splice(0)) {
      if (ending.kind === 'clean') waiter.resolve(null);
      else waiter.reject(ending.fault);
    }
    this.#onRoom?.();
  }

  next(): Promise<Uint8Array | null> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#bytes -= message.length;
      if (!this.#isFull()) this.#onRoom?.();
      return Promise.resolve(message);
    }
    return new Promise((resolve, reject) => {
      if (this.#ending === null) this.#waiters.push({ resolve, reject });
      else if (this.#ending.kind === 'clean') resolve(null);
      else reject(this.#ending.fault);
    });
  }

  #isFull(): boolean {
    return this.#messages.length >= MAX_WAITING_MESSAGES || this.#bytes >= this.#maxBytes;
  }
}
