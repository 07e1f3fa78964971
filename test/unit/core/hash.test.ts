import { createHash } from 'node:crypto';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../lib/core/bytes.ts';
import { hash, hash512, lengthPrefixed, prefixFields } from '../../../lib/core/hash.ts';

describe('FIPS 180-4 known answers of the primitives', () => {
  it('SHA-256 of "abc" and of the empty message', () => {
    expect(toHex(sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(toHex(sha256(utf8('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(toHex(sha256(utf8('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
  });

  it('SHA-512 of "abc"', () => {
    expect(toHex(sha512(utf8('abc')))).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });
});

const fieldLists = fc.array(fc.uint8Array({ maxLength: 10, max: 3 }), { maxLength: 5 });

describe('PROTOCOL §2.2: domain-tagged hashes of length-prefixed fields', () => {
  it('is SHA-256 over u64be(length) || bytes of the tag and of each field', () => {
    const tag = 'consilium/contract/v1';
    const want = createHash('sha256')
      .update(Buffer.from([0, 0, 0, 0, 0, 0, 0, tag.length]))
      .update(tag)
      .update(Buffer.from([0, 0, 0, 0, 0, 0, 0, 2, 7, 8]))
      .update(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]))
      .digest('hex');
    expect(toHex(hash('contract', Uint8Array.of(7, 8), new Uint8Array()))).toBe(want);
  });

  it('is SHA-512 for transcripts and binders', () => {
    expect(toHex(hash512('attest', Uint8Array.of(1)))).toBe(
      createHash('sha512')
        .update(lengthPrefixed('attest', Uint8Array.of(1)))
        .digest('hex'),
    );
  });

  it('gives different bytes for different field lists', () => {
    fc.assert(
      fc.property(fieldLists, fieldLists, (a, b) => {
        const sameFields = JSON.stringify(a.map(toHex)) === JSON.stringify(b.map(toHex));
        expect(toHex(prefixFields(...a)) === toHex(prefixFields(...b))).toBe(sameFields);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells apart fields whose concatenation is the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(), fc.nat(), (bytes, one, other) => {
        const [i, j] = [one % (bytes.length + 1), other % (bytes.length + 1)];
        const cut = (at: number): string => toHex(hash('seed', bytes.subarray(0, at), bytes.subarray(at)));
        expect(cut(i) === cut(j)).toBe(i === j);
      }),
    );
  });

  it('gives different digests under different tags', () => {
    const digests = (['approval', 'commit', 'endorsement', 'statement', 'update'] as const).map((tag) =>
      toHex(hash(tag, utf8('x'))),
    );
    expect(new Set(digests).size).toBe(digests.length);
  });
});
