import { openStatement, type SignedStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { RefusalError, refusal } from '../lib/core/errors.ts';
import { SerialQueue } from '../lib/core/serial-queue.ts';
import type { EventStore } from '../lib/store/event-store.ts';

const STREAM = 'statements';

/** The enclave's statements by counter, as they were relayed, kept durably for whoever asks for the chain (PROTOCOL §7). */
export class StatementArchive {
  readonly #events: EventStore;
  readonly #queue = new SerialQueue();
  readonly #byCounter: Uint8Array[];
  readonly #releases = new Map<number, Uint8Array>();

  private constructor(events: EventStore, stored: readonly Uint8Array[]) {
    this.#events = events;
    this.#byCounter = [...stored];
    for (const bytes of stored) this.#note(bytes);
  }

  static async open(events: EventStore): Promise<StatementArchive> {
    return new StatementArchive(events, await events.read(STREAM));
  }

  /**
   * Keeps the next statement; one that is here already, or that leaves a gap, changes nothing. Another statement for
   * a place that is taken throws RefusalError E-STATEMENT-CHAIN: the enclave tells two histories.
   */
  add(bytes: Uint8Array): Promise<void> {
    return this.#queue.run(async () => {
      const opened = openStatement(bytes);
      if (!opened.ok) return;
      const { counter } = opened.value.statement;
      const known = this.#byCounter[counter];
      if (known !== undefined && !bytesEqual(known, bytes))
        throw new RefusalError(refusal('E-STATEMENT-CHAIN', `statement ${counter}: two statements for one place`));
      if (counter !== this.#byCounter.length) return;
      const stored = await this.#events.append(STREAM, counter, [bytes]);
      if (!stored.ok) throw new RefusalError(stored.error);
      this.#byCounter.push(bytes);
      this.#note(bytes, opened.value);
    });
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
