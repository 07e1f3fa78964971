import { openStatement } from '../lib/audit/statement.ts';

/** The enclave's statements by counter, as they were relayed; for whoever asks for the chain. */
export class StatementArchive {
  readonly #byCounter: Uint8Array[] = [];

  add(bytes: Uint8Array): void {
    const opened = openStatement(bytes);
    if (opened.ok) this.#byCounter[opened.value.statement.counter] = bytes;
  }

  get newest(): Uint8Array | null {
    return this.#byCounter.at(-1) ?? null;
  }

  /** From `counter` on, oldest first. */
  from(counter: number): readonly Uint8Array[] {
    return this.#byCounter.slice(counter);
  }
}
