import type { SignedStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { RefusalError, refusal } from '../lib/core/errors.ts';
import { SerialQueue } from '../lib/core/serial-queue.ts';
import type { EventStore } from '../lib/store/event-store.ts';

const STREAM = 'statements';
const PAGE = 64;

interface Parts {
  /** Told that something came while the statement of `counter` is missing. */
  readonly onGap: (counter: number) => void;
}

/** The enclave's statements by counter, as they were relayed, kept durably for whoever asks for the chain (PROTOCOL §7). */
export class StatementArchive {
  readonly #events: EventStore;
  readonly #queue = new SerialQueue();
  readonly #onGap: Parts['onGap'];
  #length: number;

  private constructor(events: EventStore, length: number, { onGap }: Parts) {
    this.#events = events;
    this.#onGap = onGap;
    this.#length = length;
  }

  static async open(events: EventStore, parts: Parts): Promise<StatementArchive> {
    return new StatementArchive(events, await events.version(STREAM), parts);
  }

  /** Statements kept; the counter of the next one. */
  get length(): number {
    return this.#length;
  }

  /**
   * Keeps the next statement; one that is here already changes nothing. One that leaves a gap is not kept, and the gap
   * is told. Another statement for a place that is taken throws RefusalError E-STATEMENT-CHAIN: the enclave tells two
   * histories.
   */
  add({ statement: { counter }, bytes }: SignedStatement): Promise<void> {
    return this.#queue.run(async () => {
      if (counter > this.#length) {
        this.#onGap(this.#length);
        return;
      }
      if (counter === this.#length) return this.#append(bytes);
      const [known] = await this.#events.read(STREAM, counter, 1);
      if (known !== undefined && bytesEqual(known, bytes)) return;
      throw new RefusalError(refusal('E-STATEMENT-CHAIN', `statement ${counter}: two statements for one place`));
    });
  }

  /** Some of the statements from `counter` on, oldest first; none at the end. */
  from(counter: number): Promise<readonly Uint8Array[]> {
    return this.#events.read(STREAM, counter, PAGE);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const stored = await this.#events.append(STREAM, this.#length, [bytes]);
    // A fault, not a refusal of the enclave's: somebody else writes this archive.
    if (!stored.ok)
      throw new Error('the archive of statements was not stored', { cause: new RefusalError(stored.error) });
    this.#length = stored.value;
  }
}
