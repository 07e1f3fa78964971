import { openStatement, type SignedStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { RefusalError, refusal } from '../lib/core/errors.ts';
import { SerialQueue } from '../lib/core/serial-queue.ts';
import type { EventStore } from '../lib/store/event-store.ts';

const STREAM = 'statements';
const MAX_EARLY = 1000;

interface Parts {
  /** Told that something came while the statement of `counter` is missing. */
  readonly onGap: (counter: number) => void;
}

/** The enclave's statements by counter, as they were relayed, kept durably for whoever asks for the chain (PROTOCOL §7). */
export class StatementArchive {
  readonly #events: EventStore;
  readonly #queue = new SerialQueue();
  readonly #byCounter: Uint8Array[];
  readonly #releases = new Map<number, Uint8Array>();
  /** Behind a gap, until it is filled. */
  readonly #early = new Map<number, Uint8Array>();
  readonly #onGap: Parts['onGap'];

  private constructor(events: EventStore, stored: readonly Uint8Array[], { onGap }: Parts) {
    this.#events = events;
    this.#onGap = onGap;
    this.#byCounter = [...stored];
    for (const bytes of stored) this.#note(bytes);
  }

  static async open(events: EventStore, parts: Parts): Promise<StatementArchive> {
    return new StatementArchive(events, await events.read(STREAM), parts);
  }

  /**
   * Keeps the next statement; one that is here already changes nothing. One that leaves a gap is kept in memory until
   * the gap is filled, and the gap is told. Another statement for a place that is taken throws RefusalError
   * E-STATEMENT-CHAIN: the enclave tells two histories. One that cannot be read is a gap.
   */
  add(bytes: Uint8Array): Promise<void> {
    return this.#queue.run(async () => {
      const opened = openStatement(bytes);
      if (!opened.ok) {
        this.#onGap(this.#byCounter.length);
        return;
      }
      const { counter } = opened.value.statement;
      const known = this.#byCounter[counter] ?? this.#early.get(counter);
      if (known !== undefined && !bytesEqual(known, bytes))
        throw new RefusalError(refusal('E-STATEMENT-CHAIN', `statement ${counter}: two statements for one place`));
      if (known !== undefined) return;
      this.#note(bytes, opened.value);
      if (counter === this.#byCounter.length) await this.#append(bytes);
      else this.#keepEarly(counter, bytes);
    });
  }

  /** With it, whatever waited for it. */
  async #append(bytes: Uint8Array): Promise<void> {
    for (let next: Uint8Array | undefined = bytes; next !== undefined;) {
      const counter = this.#byCounter.length;
      const stored = await this.#events.append(STREAM, counter, [next]);
      // A fault, not a refusal of the enclave's: somebody else writes this archive.
      if (!stored.ok)
        throw new Error('the archive of statements was not stored', { cause: new RefusalError(stored.error) });
      this.#byCounter.push(next);
      this.#early.delete(counter);
      next = this.#early.get(counter + 1);
    }
  }

  #keepEarly(counter: number, bytes: Uint8Array): void {
    // What does not fit is told again when the enclave is watched anew.
    if (this.#early.size < MAX_EARLY) this.#early.set(counter, bytes);
    this.#onGap(this.#byCounter.length);
  }

  /** The release of `round`; null when it is not here. */
  releaseOf(round: number): Uint8Array | null {
    return this.#releases.get(round) ?? null;
  }

  /** From `counter` on, oldest first. */
  from(counter: number): readonly Uint8Array[] {
    return this.#byCounter.slice(counter);
  }

  #note(bytes: Uint8Array, known?: SignedStatement): void {
    const statement = known?.statement ?? opened(bytes);
    if (statement?.type === 'release') this.#releases.set(statement.round, bytes);
  }
}

function opened(bytes: Uint8Array): SignedStatement['statement'] | null {
  const result = openStatement(bytes);
  return result.ok ? result.value.statement : null;
}
