import { refusal, RefusalError } from '../../lib/core/errors.ts';

/** What a program sees of a peer that is gone. */
export const gone = (): RefusalError => new RefusalError(refusal('E-TRANSPORT', 'the peer is gone'));

/** One direction of a connection. What was put before its end is still taken. */
export class Pipe<T> {
  readonly #queue: T[] = [];
  #waiting: { readonly resolve: (item: T | null) => void; readonly reject: (fault: unknown) => void } | null = null;
  #end: { readonly fault: Error | null } | null = null;

  put(item: T): void {
    if (this.#end !== null) throw this.#end.fault ?? gone();
    if (this.#waiting === null) this.#queue.push(item);
    else this.#settle()?.resolve(item);
  }

  /** null: the clean end. Rejects at a broken one. */
  take(): Promise<T | null> {
    const item = this.#queue.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#end !== null) return this.#end.fault === null ? Promise.resolve(null) : Promise.reject(this.#end.fault);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** `fault`: null at a clean end. Further calls change nothing. */
  end(fault: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { fault };
    const waiting = this.#settle();
    if (fault === null) waiting?.resolve(null);
    else waiting?.reject(fault);
  }

  #settle() {
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }
}
