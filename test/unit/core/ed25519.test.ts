import { createPublicKey, verify as verifyWithOpenSsl } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../lib/core/bytes.ts';
import { signerFromSeed, verifySignature } from '../../../lib/core/ed25519.ts';
import { lengthPrefixed } from '../../../lib/core/hash.ts';
import { RFC_8032, SPECCHECK } from './ed25519-vectors.ts';

const unhex = (hex: string): Uint8Array => fromHex(hex) ?? new Uint8Array();

describe('RFC 8032 §7.1: the primitive', () => {
  it.each(RFC_8032)('$name', ({ seed, publicKey, message, signature }) => {
    expect(toHex(ed25519.getPublicKey(unhex(seed)))).toBe(publicKey);
    expect(toHex(ed25519.sign(unhex(message), unhex(seed)))).toBe(signature);
    expect(ed25519.verify(unhex(signature), unhex(message), unhex(publicKey), { zip215: false })).toBe(true);
  });

  it('knows five vectors, the longest of 1023 bytes', () => {
    expect(RFC_8032.map(({ message }) => message.length / 2)).toEqual([0, 1, 2, 1023, 64]);
  });
});

interface Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function verdictOf({ publicKey, message, signature }: Signed): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

describe('"Taming the many EdDSAs": edge cases under the strict rules', () => {
  it.each(SPECCHECK)('$name → $accepted', ({ publicKey, message, signature, accepted }) => {
    const verdict = verdictOf({ publicKey: unhex(publicKey), message: unhex(message), signature: unhex(signature) });
    expect(verdict).toBe(accepted);
  });
});

describe('signatures over domain-tagged fields (PROTOCOL §2.2)', () => {
  const signer = signerFromSeed(unhex(RFC_8032[0].seed));
  const fields = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  const signature = signer.sign('approval', ...fields);
  const check = (change: Partial<Parameters<typeof verifySignature>[0]>): boolean =>
    verifySignature({ publicKey: signer.publicKey, signature, domain: 'approval', fields, ...change });

  it('verify here and, as plain Ed25519 over the tagged bytes, in OpenSSL', () => {
    expect(check({})).toBe(true);
    // SubjectPublicKeyInfo of RFC 8410 §4 in front of the raw key.
    const der = concatBytes(unhex('302a300506032b6570032100'), signer.publicKey);
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    expect(verifyWithOpenSsl(null, lengthPrefixed('approval', ...fields), key, signature)).toBe(true);
  });

  it('are deterministic', () => {
    expect(toHex(signer.sign('approval', ...fields))).toBe(toHex(signature));
  });

  it('are not signatures over the bare fields, under another tag, or over other fields', () => {
    expect(check({ domain: 'withdrawal' })).toBe(false);
    expect(check({ fields: [Uint8Array.of(1, 2, 3)] })).toBe(false);
    expect(check({ fields: [Uint8Array.of(1), Uint8Array.of(2, 3)] })).toBe(false);
    expect(check({ fields: [...fields, new Uint8Array()] })).toBe(false);
    expect(check({ fields: [] })).toBe(false);
    const bare = ed25519.sign(concatBytes(...fields), unhex(RFC_8032[0].seed));
    expect(check({ signature: bare })).toBe(false);
  });

  it('fail with any flipped bit of signature or key', () => {
    const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
      bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    fc.assert(
      fc.property(fc.nat({ max: 511 }), (bit) => {
        expect(check({ signature: flipped(signature, bit) })).toBe(false);
      }),
      { numRuns: 60, examples: [[0], [255], [256], [511]] },
    );
    fc.assert(
      fc.property(fc.nat({ max: 255 }), (bit) => {
        expect(check({ publicKey: flipped(signer.publicKey, bit) })).toBe(false);
      }),
      { numRuns: 40, examples: [[0], [255]] },
    );
  });

  it.each([0, 31, 33, 64])('refuse a key of %i bytes', (length) => {
    expect(check({ publicKey: new Uint8Array(length) })).toBe(false);
  });

  it.each([0, 32, 63, 65, 128])('refuse a signature of %i bytes', (length) => {
    expect(check({ signature: new Uint8Array(length) })).toBe(false);
  });

  it('refuse keys of small order, whatever they "sign", and keys that are no point', () => {
    // Points of order 1, 2, 4, 8 and their non-canonical encodings: a zero signature verifies under many of them
    // without the small-order check.
    const smallOrder = [
      '0100000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000080',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ];
    const noPoint = ['0200000000000000000000000000000000000000000000000000000000000000', 'ff'.repeat(32)];
    const identityAndZero = concatBytes(Uint8Array.of(1), new Uint8Array(63));
    for (const key of [...smallOrder, ...noPoint]) {
      for (const forged of [identityAndZero, concatBytes(unhex(key), new Uint8Array(32)), new Uint8Array(64)]) {
        expect(check({ publicKey: unhex(key), signature: forged }), key).toBe(false);
      }
    }
  });

  it('need a seed of 32 bytes', () => {
    expect(() => signerFromSeed(new Uint8Array(31))).toThrow();
  });
});
