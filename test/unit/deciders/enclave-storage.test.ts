import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from '../../../aggregator-enclave/event-codec.ts';
import { isDurable, type EnclaveEvent } from '../../../aggregator-enclave/event.ts';
import { decodeModelContent, encodeModelContent } from '../../../aggregator-enclave/model-content.ts';
import {
  appendOrThrow,
  seal,
  sealBlob,
  unseal,
  unsealBlob,
  type BlobContext,
  type RecordStore,
  type SealContext,
} from '../../../aggregator-enclave/sealed-journal.ts';
import type { ModelContent } from '../../../aggregator-enclave/state.ts';
import { recordStoreOn } from '../../../aggregator-enclave/host/record-store.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../../../lib/core/cbor.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { err } from '../../../lib/core/result.ts';
import { initialServerState } from '../../../lib/learning/server-state.ts';
import { encodeWeights, modelDigest } from '../../../lib/learning/weights.ts';
import { openMemoryStore } from '../../../lib/store/memory.ts';
import { must } from '../../support/study-in-memory.ts';
import { digestOf } from '../../support/test-contract.ts';
import { enclavePhases } from './enclave-phases.ts';

const { study, log } = enclavePhases();
const { layout } = study.enclave.environment;

/** The content of the newest sealed result. */
function contentOf(events: readonly EnclaveEvent[]): ModelContent {
  const contents = events.flatMap((event) => (event.type === 'result-sealed' ? [event.result.model.content] : []));
  const newest = contents.at(-1);
  if (newest === null || newest === undefined) throw new Error('the log holds no result');
  return newest;
}

const extra: readonly EnclaveEvent[] = [
  { type: 'halted', refusal: refusal('E-STATE-BEHIND', 'cedar', { got: 'statement 7', want: 'at most 5' }) },
  {
    type: 'withdrawal-recorded',
    organisation: study.site('cedar').environment.organisation,
    withdrawal: Uint8Array.of(1, 2),
  },
  { type: 'halted', refusal: refusal('E-STATE-BEHIND', 'head 7') },
  { type: 'model-loaded', fixedBy: digestOf('intent'), content: contentOf(log) },
];
const events = [...log, ...extra];
const codeOf = (bytes: Uint8Array): string => {
  const decoded = decodeEvent(bytes);
  return decoded.ok ? 'decoded' : decoded.error.code;
};

/** Megabytes are kept beside the log, not in it. */
function withoutContent(event: EnclaveEvent): EnclaveEvent {
  if (event.type === 'born') return { ...event, content: null };
  if (event.type !== 'result-sealed') return event;
  return { ...event, result: { ...event.result, model: { ...event.result.model, content: null } } };
}

describe('enclave events at rest', () => {
  it('every durable event comes back as it was; every type is among them', () => {
    const durable = events.filter(isDurable);
    for (const event of durable) expect(must(decodeEvent(encodeEvent(event)))).toEqual(withoutContent(event));
    expect([...new Set(durable.map(({ type }) => type))].sort()).toEqual([
      'acknowledgement-accepted',
      'approval-recorded',
      'born',
      'halted',
      'publication-recorded',
      'result-sealed',
      'statement-issued',
      'withdrawal-recorded',
    ]);
  });

  it('no update and no commit is ever encoded', () => {
    const volatile = events.filter((event) => !isDurable(event));
    expect([...new Set(volatile.map(({ type }) => type))].sort()).toEqual([
      'commit-accepted',
      'header-accepted',
      'model-loaded',
      'update-accepted',
    ]);
    for (const event of volatile) expect(() => encodeEvent(event)).toThrow(/must not be stored/);
  });

  it('no weight is in what is stored: its size does not depend on the model', () => {
    const stored = Buffer.concat(events.filter(isDurable).map(encodeEvent));
    expect(stored.includes(Buffer.from(encodeWeights(contentOf(log).weights)))).toBe(false);
  });

  it('an update is nowhere in what is stored', () => {
    const stored = Buffer.concat(events.filter(isDurable).map(encodeEvent));
    for (const event of events) {
      if (event.type !== 'update-accepted') continue;
      const { coordinates } = event.update;
      expect(stored.includes(Buffer.from(coordinates.buffer))).toBe(false);
    }
  });

  it('anything else is E-STORE-FORMAT', () => {
    const genesis = log.find(({ type }) => type === 'born');
    if (genesis === undefined) throw new Error('the log holds no genesis');
    const born = encodeEvent(genesis);
    expect(codeOf(born)).toBe('decoded');
    expect(codeOf(new Uint8Array())).toBe('E-STORE-FORMAT');
    expect(codeOf(born.subarray(1))).toBe('E-STORE-FORMAT');
    expect(codeOf(encodeCbor({ type: 'update-accepted', organisation: 'cedar' }))).toBe('E-STORE-FORMAT');
    const changed = (change: Record<string, CborValue>): Uint8Array => {
      const document = decodeCbor(born);
      if (!document.ok || typeof document.value !== 'object') throw new Error('no document');
      return encodeCbor({ ...(document.value as Record<string, CborValue>), ...change });
    };
    // As the version before this one stored it.
    expect(codeOf(changed({ weights: new Uint8Array(12) }))).toBe('E-STORE-FORMAT');
    expect(codeOf(changed({ statement: new Uint8Array(4) }))).toBe('E-STORE-FORMAT');
    expect(codeOf(changed({ unknown: 1 }))).toBe('E-STORE-FORMAT');
    const manifest = study.enclave.statements().find(({ statement }) => statement.type === 'manifest');
    expect(codeOf(changed({ statement: manifest?.bytes ?? new Uint8Array() }))).toBe('E-STORE-FORMAT');
  });

  it('decoding is total on random and on damaged bytes', () => {
    const encoded = events.filter(isDurable).map(encodeEvent);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['decoded', 'E-STORE-FORMAT']).toContain(codeOf(bytes));
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...encoded), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, place, mask) => {
        const at = place % bytes.length;
        expect(['decoded', 'E-STORE-FORMAT']).toContain(
          codeOf(bytes.map((byte, index) => (index === at ? byte ^ mask : byte))),
        );
      }),
    );
  });
});

describe('PROTOCOL §3: SEAL over {format, purpose, contract, counter, head}', () => {
  const key = digestOf('sealing key');
  const context: SealContext = {
    contract: study.sealed.digest,
    counter: 3,
    head: { counter: 1, digest: digestOf('head') },
    previous: digestOf('the record before'),
  };
  const plaintext = utf8('durable event');
  const record = seal(key, plaintext, context);
  const codeFor = (bytes: Uint8Array, where: SealContext = context, with_: Uint8Array = key): string => {
    const opened = unseal(with_, bytes, where);
    return opened.ok ? 'unsealed' : opened.error.code;
  };

  it('gives back what was sealed, and never the same record twice', () => {
    expect(must(unseal(key, record, context))).toEqual(plaintext);
    expect(Buffer.compare(seal(key, plaintext, context), record)).not.toBe(0);
    expect(Buffer.from(record).includes(Buffer.from(plaintext))).toBe(false);
    expect(
      must(unseal(key, seal(key, new Uint8Array(), { ...context, head: null }), { ...context, head: null })),
    ).toEqual(new Uint8Array());
  });

  it('opens in no other place, under no other contract or head', () => {
    expect(codeFor(record, { ...context, counter: 4 })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, contract: digestOf('another contract') })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, head: null })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, previous: null })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, previous: digestOf('another timeline') })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, head: { counter: 2, digest: digestOf('head') } })).toBe('E-STORE-SEALED');
    expect(codeFor(record, { ...context, head: { counter: 1, digest: digestOf('fork') } })).toBe('E-STORE-SEALED');
  });

  it('opens with no other key, and not for a key of another length', () => {
    expect(codeFor(record, context, digestOf('another key'))).toBe('E-STORE-SEALED');
    expect(codeFor(record, context, new Uint8Array(16))).toBe('E-STORE-SEALED');
  });

  it('two swapped records open in neither place', () => {
    const next = { ...context, counter: 4, head: { counter: 2, digest: digestOf('next head') } };
    const other = seal(key, utf8('the next event'), next);
    expect(codeFor(other, context)).toBe('E-STORE-SEALED');
    expect(codeFor(record, next)).toBe('E-STORE-SEALED');
    expect(codeFor(other, next)).toBe('unsealed');
  });

  it('is refused when cut anywhere, extended, or with any bit flipped', () => {
    for (let length = 0; length < record.length; length++)
      expect(codeFor(record.subarray(0, length)), `cut at ${length}`).toBe('E-STORE-SEALED');
    expect(codeFor(Uint8Array.of(...record, 0))).toBe('E-STORE-SEALED');
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(codeFor(flipped), `bit ${bit}`).toBe('E-STORE-SEALED');
    }
  });

  it('a store that refuses stops the enclave', async () => {
    const full: RecordStore = {
      append: () => Promise.resolve(err(refusal('E-STORE-CONFLICT'))),
      read: () => Promise.resolve([]),
      blobs: recordStoreOn(openMemoryStore(), 'sealed').blobs,
    };
    await expect(appendOrThrow(full, 0, [record])).rejects.toThrow(RefusalError);
  });
});

describe('the content of a model at rest', () => {
  const weights = Float32Array.from({ length: layout.length }, (_, i) => Math.fround(i / 7));
  const moments = Float64Array.from({ length: layout.length }, (_, i) => i / 3);
  const content: ModelContent = { weights, server: { m: moments, v: moments } };
  const model = { round: 1, digest: modelDigest(layout.digest, weights), fixedBy: digestOf('intent'), content: null };
  const codeFor = (bytes: Uint8Array, named = model): string => {
    const decoded = decodeModelContent(bytes, named, layout);
    return decoded.ok ? 'decoded' : decoded.error.code;
  };

  it('comes back as it was, with and without moments', () => {
    expect(must(decodeModelContent(encodeModelContent(content), model, layout))).toEqual(content);
    const plain = { weights, server: initialServerState };
    expect(must(decodeModelContent(encodeModelContent(plain), model, layout))).toEqual(plain);
  });

  it('is refused for another model, another layout, another version, and when altered', () => {
    const bytes = encodeModelContent(content);
    expect(codeFor(bytes, { ...model, digest: digestOf('another model') })).toBe('E-STORE-FORMAT');
    const wrong = { weights: weights.subarray(1), server: initialServerState };
    expect(codeFor(encodeModelContent(wrong))).toBe('E-STORE-FORMAT');
    const negative = { weights, server: { m: moments, v: moments.map((v) => -v) } };
    expect(codeFor(encodeModelContent(negative))).toBe('E-STORE-FORMAT');
    const document = decodeCbor(bytes);
    if (!document.ok) throw new Error('no document');
    const other = { ...(document.value as Record<string, CborValue>), format: 'consilium/model-content/v2' };
    expect(codeFor(encodeCbor(other))).toBe('E-STORE-FORMAT');
    for (let length = 0; length < bytes.length; length += 7)
      expect(codeFor(bytes.subarray(0, length))).toBe('E-STORE-FORMAT');
  });

  it('opens under its own contract, purpose and statement, and nowhere else', () => {
    const key = digestOf('sealing key');
    const context: BlobContext = {
      contract: study.sealed.digest,
      purpose: 'enclave-model',
      digest: digestOf('intent'),
    };
    const blob = sealBlob(key, utf8('megabytes'), context);
    const codeUnder = (where: object, bytes = blob, with_: Uint8Array = key): string => {
      const opened = unsealBlob(with_, bytes, { ...context, ...where });
      return opened.ok ? 'opened' : opened.error.code;
    };
    expect(codeUnder({})).toBe('opened');
    expect(codeUnder({ contract: digestOf('another contract') })).toBe('E-STORE-SEALED');
    expect(codeUnder({ digest: digestOf('another intent') })).toBe('E-STORE-SEALED');
    expect(codeUnder({ purpose: 'enclave-events' })).toBe('E-STORE-SEALED');
    expect(codeUnder({}, blob, digestOf('another key'))).toBe('E-STORE-SEALED');
    expect(codeUnder({}, blob.subarray(0, 20))).toBe('E-STORE-SEALED');
    for (const [index, byte] of blob.entries())
      expect(codeUnder({}, blob.with(index, byte ^ 1))).toBe('E-STORE-SEALED');
  });
});
