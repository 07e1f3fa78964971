import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeDeclined,
  decodeHello,
  decodeOffer,
  decodeOpen,
  encodeHello,
  encodeOffer,
  encodeOpen,
  SUITE,
} from '../../../lib/channel/handshake-messages.ts';
import {
  DEFAULT_MAX_MESSAGE_BYTES,
  FRAGMENT_BYTES,
  fragmentsOf,
  MessageAssembler,
} from '../../../lib/channel/message-fragments.ts';
import {
  decodeChallenge,
  decodeConfirm,
  decodeEvidenceMessage,
  decodeRefuse,
  encodeChallenge,
  encodeConfirm,
  encodeEvidenceMessage,
  encodeRefuse,
} from '../../../lib/channel/sealed-messages.ts';
import { bytesEqual } from '../../../lib/core/bytes.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';
import type { PublicKey } from '../../../lib/core/ids.ts';
import { digestOf, headOf } from './simulated-session.ts';

const nonce = new Uint8Array(32).fill(1);
const hello = { version: 1, suite: SUITE, contractDigest: digestOf('c'), nonce };
const offer = { suite: SUITE, nonce, kemPublicKey: new Uint8Array(1216).fill(2) };
const evidence = {
  attestationSequence: 0,
  bootKey: digestOf('key') as Uint8Array as PublicKey,
  organisation: null,
  head: headOf(1, 'h'),
  evidence: new Uint8Array(100),
  devices: [new Uint8Array(50)],
  path: { index: 0, size: 2, siblings: [new Uint8Array(64)] },
  endorsement: new Uint8Array(),
};
const confirm = { role: 'site', enclaveEvidence: digestOf('e'), siteEvidence: digestOf('s') } as const;

const CODECS = {
  hello: { decode: decodeHello, valid: encodeHello(hello) },
  offer: { decode: decodeOffer, valid: encodeOffer(offer) },
  open: { decode: decodeOpen, valid: encodeOpen({ enc: new Uint8Array(1120) }) },
  declined: { decode: decodeDeclined, valid: encodeCbor({ format: 'consilium/declined', code: 'E-CHANNEL-VERSION' }) },
  evidence: { decode: decodeEvidenceMessage, valid: encodeEvidenceMessage(evidence) },
  confirm: { decode: decodeConfirm, valid: encodeConfirm(confirm) },
  challenge: { decode: decodeChallenge, valid: encodeChallenge({ attestationSequence: 3, nonce }) },
  refuse: { decode: decodeRefuse, valid: encodeRefuse('E-ENDORSEMENT') },
};

describe.each(Object.entries(CODECS))('%s', (_, { decode, valid }) => {
  test('decodes what was encoded', () => {
    expect(decode(valid).ok).toBe(true);
  });

  test('refuses trailing bytes, every truncation and every other message', () => {
    expect(decode(Uint8Array.from([...valid, 0]))).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
    for (let length = 0; length < valid.length; length++) expect(decode(valid.subarray(0, length)).ok).toBe(false);
    const others = Object.values(CODECS).filter((codec) => codec.valid !== valid);
    for (const other of others) expect(decode(other.valid).ok).toBe(false);
  });

  test('never throws on hostile bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
        expect(decode(bytes).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const altered = valid.slice();
        altered[at] = (altered[at] ?? 0) ^ flip;
        expect([true, false]).toContain(decode(altered).ok);
      }),
    );
  });

  test('refuses a giant length before it allocates', () => {
    expect(decode(Uint8Array.of(0x5b, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff)).ok).toBe(false);
    expect(decode(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)).ok).toBe(false);
    expect(decode(new Uint8Array(200_000)).ok).toBe(false);
  });
});

test.each([
  ['a short nonce', encodeCbor({ attestationSequence: 1, nonce: new Uint8Array(31) }), decodeChallenge],
  ['a negative number', encodeCbor({ attestationSequence: -1, nonce }), decodeChallenge],
  ['an unknown field', encodeCbor({ attestationSequence: 1, nonce, extra: null }), decodeChallenge],
  ['an unknown code', encodeCbor({ code: 'E-INVENTED' }), decodeRefuse],
  ['a code of the prototype', encodeCbor({ code: 'constructor' }), decodeRefuse],
  ['a third role', encodeCbor({ ...confirm, role: 'coordinator' }), decodeConfirm],
  ['an organisation that is none', encodeCbor({ ...evidence, organisation: '' }), decodeEvidenceMessage],
])('%s is E-MESSAGE-INVALID', (_, bytes, decode) => {
  expect(decode(bytes)).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
});

describe('fragments', () => {
  test('give the message again', () => {
    const size = fc.oneof(
      fc.nat(2000),
      fc.nat(3).map((n) => n * FRAGMENT_BYTES),
      fc.nat(3 * FRAGMENT_BYTES),
    );
    fc.assert(
      fc.property(size, (length) => {
        const message = new Uint8Array(length).map((_, i) => i * 31);
        const assembler = new MessageAssembler(DEFAULT_MAX_MESSAGE_BYTES);
        const results = [...fragmentsOf(message)].map((fragment) => assembler.push(fragment));
        const last = results.pop();
        expect(results.every((result) => result.ok && result.value === null)).toBe(true);
        expect(last?.ok === true && last.value !== null && bytesEqual(last.value, message)).toBe(true);
        expect(assembler.isPartial).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('that are small but not last, unflagged, or empty are malformed: nobody fills memory with crumbs', () => {
    const crumbs = [
      Uint8Array.of(),
      Uint8Array.of(0),
      Uint8Array.of(0, 1),
      Uint8Array.of(2, 1),
      new Uint8Array(FRAGMENT_BYTES),
    ];
    for (const crumb of crumbs) {
      const pushed = new MessageAssembler(DEFAULT_MAX_MESSAGE_BYTES).push(crumb);
      expect(pushed).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
    }
  });

  test('beyond the limit are E-CHANNEL-SIZE', () => {
    const assembler = new MessageAssembler(FRAGMENT_BYTES + 10);
    const full = new Uint8Array(FRAGMENT_BYTES + 1);
    expect(assembler.push(full)).toEqual({ ok: true, value: null });
    expect(assembler.isPartial).toBe(true);
    const last = new Uint8Array(12).fill(1);
    expect(assembler.push(last)).toMatchObject({ ok: false, error: { code: 'E-CHANNEL-SIZE' } });
  });
});
