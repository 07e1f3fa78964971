import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEnclaveMessage,
  decodeSiteMessage,
  encodeMessage,
  HISTORY,
  type EnclaveMessage,
  type SiteMessage,
} from '../../../lib/audit/session-message.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';
import { must } from '../../support/study-in-memory.ts';
import { digestOf } from '../../support/test-contract.ts';

const bytes = Uint8Array.of(1, 2, 3);
const header = { certificate: digestOf('c'), layout: digestOf('l'), length: 60, commit: digestOf('u') };
const FROM_SITE: readonly SiteMessage[] = [
  { type: 'sync', head: null, round: 0 },
  { type: 'sync', head: { counter: 7, digest: digestOf('head') }, round: 3 },
  { type: 'commit', commit: bytes, endorsement: bytes },
  { type: 'update-header', header },
  { type: 'update', payload: bytes },
  { type: 'acknowledgement', acknowledgement: bytes, endorsement: bytes },
  { type: 'withdrawal', withdrawal: bytes },
  { type: 'head-proof', statement: bytes, publication: bytes },
  { type: 'model', weights: bytes },
];
const FROM_ENCLAVE: readonly EnclaveMessage[] = [
  { type: 'publication', publication: bytes },
  { type: 'statement', statement: bytes },
  { type: 'history', statements: [bytes, new Uint8Array()] },
  { type: 'release', bundle: bytes, weights: bytes },
  { type: 'received', what: 'update' },
  { type: 'refused', code: 'E-COMMIT-INVALID', detail: 'adler' },
  { type: 'prove-head' },
  { type: 'model-wanted', model: digestOf('model') },
];

describe('PROTOCOL §4, §7: messages inside a session', () => {
  it.each(FROM_SITE)('a site says $type, and the enclave says nothing of the kind', (message) => {
    expect(must(decodeSiteMessage(encodeMessage(message)))).toEqual(message);
    expect(decodeEnclaveMessage(encodeMessage(message)).ok).toBe(false);
  });

  it.each(FROM_ENCLAVE)('the enclave says $type, and a site says nothing of the kind', (message) => {
    expect(must(decodeEnclaveMessage(encodeMessage(message)))).toEqual(message);
    expect(decodeSiteMessage(encodeMessage(message)).ok).toBe(false);
  });

  it.each([
    ['an unknown type', { type: 'attest', data: bytes }],
    ['a field more', { type: 'update', payload: bytes, weight: 7 }],
    ['a field less', { type: 'commit', commit: bytes }],
    ['an oversized commit', { type: 'commit', commit: new Uint8Array((16 << 10) + 1), endorsement: bytes }],
    ['an oversized proof', { type: 'head-proof', statement: bytes, publication: new Uint8Array((1 << 20) + 1) }],
    ['an oversized model', { type: 'model', weights: new Uint8Array((32 << 20) + 1) }],
    ['half a proof', { type: 'head-proof', statement: bytes }],
    ['a header without length', { type: 'update-header', header: { ...header, length: 0 } }],
    ['a header of 1 GiB', { type: 'update-header', header: { ...header, length: 1 << 30 } }],
    ['a head that is no head', { type: 'sync', head: { counter: 0.5, digest: digestOf('x') }, round: 0 }],
    ['a head with a short digest', { type: 'sync', head: { counter: 1, digest: bytes }, round: 0 }],
  ])('refuses %s', (_, document) => {
    const decoded = decodeSiteMessage(encodeCbor(document));
    expect(decoded.ok ? 'decoded' : decoded.error.code).toBe('E-MESSAGE-INVALID');
  });

  it('refuses an unknown error code of the enclave', () => {
    const decoded = decodeEnclaveMessage(encodeCbor({ type: 'refused', code: 'toString', detail: '' }));
    expect(decoded.ok ? 'decoded' : decoded.error.code).toBe('E-MESSAGE-INVALID');
  });

  it('is total on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
        for (const decode of [decodeSiteMessage, decodeEnclaveMessage]) {
          const decoded = decode(noise);
          if (!decoded.ok) expect(decoded.error.code).toBe('E-MESSAGE-INVALID');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a page of history with more statements than one may have', () => {
    const page = (count: number): string => {
      const statements = Array.from({ length: count }, () => bytes);
      const decoded = decodeEnclaveMessage(encodeCbor({ type: 'history', statements }));
      return decoded.ok ? decoded.value.type : decoded.error.code;
    };
    expect(page(HISTORY.count)).toBe('history');
    expect(page(HISTORY.count + 1)).toBe('E-MESSAGE-INVALID');
  });
});
