import { toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import type { Chain } from '../lib/audit/chain.ts';
import type { Head } from '../lib/contract/shapes.ts';
import type { ParameterLayout } from '../lib/learning/layout.ts';
import { decodeEvent } from './event-codec.ts';
import { decodeModelContent, encodeModelContent } from './model-content.ts';
import { appendOrThrow, recordDigest, seal, sealBlob, unseal, unsealBlob, type RecordStore } from './sealed-journal.ts';
import type { CurrentModel, ModelContent } from './state.ts';

const PAGE = 256;

interface Parts {
  readonly store: RecordStore;
  /** `SEAL`. */
  readonly key: Uint8Array;
  readonly contract: Digest;
  readonly layout: ParameterLayout;
}

export interface Entry {
  readonly plaintext: Uint8Array;
  /** Head of the statement chain before it; null before genesis. */
  readonly head: Head | null;
}

/**
 * The enclave's durable memory: sealed records in order, and beside them the sealed content of its models, which are
 * megabytes and of which only the newest is ever needed again. A content is put before the record that names it and
 * deleted after the one that drops it: a crash in between leaves nothing missing and one blob too many, which the next
 * boot deletes (docs/decisions/0023). Throws RefusalError: an enclave that cannot store or read must not go on.
 */
export class Journal {
  readonly #parts: Parts;
  #length = 0;
  #newest: Digest | null = null;
  /** Record number of each statement, by its counter. */
  readonly #places: number[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Every stored plaintext, oldest first. `head` tells where the chain stands before the record that is read next. */
  async *replay(head: () => Head | null): AsyncGenerator<Uint8Array> {
    const { store, key, contract } = this.#parts;
    for (let page = await store.read(0, PAGE); page.length > 0; page = await store.read(this.#length, PAGE)) {
      for (const record of page) {
        const context = { contract, counter: this.#length, head: head(), previous: this.#newest };
        const plaintext = unseal(key, record, context);
        if (!plaintext.ok) throw new RefusalError(plaintext.error);
        this.#written(record);
        yield plaintext.value;
        this.#note(context.head, head());
      }
    }
  }

  /** In one append: all of them, or none. `after`: the head behind the last of them. */
  async append(entries: readonly Entry[], after: Head | null): Promise<void> {
    const { store, key, contract } = this.#parts;
    const records: Uint8Array[] = [];
    let previous = this.#newest;
    for (const { plaintext, head } of entries) {
      const record = seal(key, plaintext, { contract, counter: this.#length + records.length, head, previous });
      records.push(record);
      previous = recordDigest(record);
    }
    await appendOrThrow(store, this.#length, records);
    for (const [index, record] of records.entries()) {
      this.#written(record);
      const next = entries[index + 1];
      this.#note(entries[index]?.head ?? null, next === undefined ? after : next.head);
    }
  }

  /** The signed statements of `chain` from `counter` on, as many as stand near each other; none at its end. */
  async statements(chain: Chain, counter: number): Promise<Uint8Array[]> {
    const { store, key, contract } = this.#parts;
    const place = this.#places[counter];
    if (place === undefined) return [];
    const statements: Uint8Array[] = [];
    const [before, ...records] = await store.read(place - 1, PAGE);
    let previous = before;
    for (const [index, record] of records.entries()) {
      const at = counter + statements.length;
      if (previous !== undefined && this.#places[at] === place + index) {
        const digest = chain[at - 1];
        const head = digest === undefined ? null : { counter: at - 1, digest };
        const context = { contract, counter: place + index, head, previous: recordDigest(previous) };
        const plaintext = unseal(key, record, context);
        if (!plaintext.ok) throw new RefusalError(plaintext.error);
        statements.push(statementIn(plaintext.value));
      }
      previous = record;
    }
    return statements;
  }

  /** To be called before the record that names `model` is appended. */
  async keep(model: CurrentModel & { readonly content: ModelContent }): Promise<void> {
    const { store, key } = this.#parts;
    await store.blobs.put(nameOf(model), sealBlob(key, encodeModelContent(model.content), this.#contextOf(model)));
  }

  /** null: it is not kept, as the initial weights are not, which follow from the contract. */
  async contentOf(model: CurrentModel): Promise<ModelContent | null> {
    const { store, key, layout } = this.#parts;
    const sealed = await store.blobs.get(nameOf(model));
    if (sealed === null) return null;
    const plaintext = unsealBlob(key, sealed, this.#contextOf(model));
    if (!plaintext.ok) throw new RefusalError(plaintext.error);
    const content = decodeModelContent(plaintext.value, model, layout);
    if (!content.ok) throw new RefusalError(content.error);
    return content.value;
  }

  /** Deletes the content of every other model, that of a crash between two writes among them. */
  async keepOnly(models: readonly CurrentModel[]): Promise<void> {
    const { blobs } = this.#parts.store;
    const needed = new Set(models.map(nameOf));
    for (const name of await blobs.names()) if (!needed.has(name)) await blobs.delete(name);
  }

  async forget(model: CurrentModel): Promise<void> {
    await this.#parts.store.blobs.delete(nameOf(model));
  }

  /** A record that moved the head was a statement's. */
  #note(before: Head | null, after: Head | null): void {
    if (after !== null && after.counter !== before?.counter) this.#places.push(this.#length - 1);
  }

  #written(record: Uint8Array): void {
    this.#newest = recordDigest(record);
    this.#length += 1;
  }

  #contextOf({ fixedBy }: CurrentModel) {
    return { contract: this.#parts.contract, purpose: 'enclave-model', digest: fixedBy } as const;
  }
}

function statementIn(plaintext: Uint8Array): Uint8Array {
  const event = decodeEvent(plaintext);
  if (!event.ok) throw new RefusalError(event.error);
  if (!('statement' in event.value)) throw new RefusalError(refusal('E-STORE-FORMAT', 'no statement in its place'));
  return event.value.statement.bytes;
}

const nameOf = ({ fixedBy }: CurrentModel): string => toHex(fixedBy);
