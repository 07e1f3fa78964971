import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../lib/core/bytes.ts';
import { secretWords } from '../../../lib/privacy/secret-words.ts';

const WORDS_PER_BLOCK = 16;
const BLOCKS_PER_NONCE = 64;

const zeroKey = new Uint8Array(32);
const withByte = (at: number, value: number): Uint8Array => zeroKey.with(at, value);

/** `count` words of the stream from `first` on, as the keystream's bytes. */
function keystream(seed: Uint8Array, first: number, count: number): Uint8Array {
  const words = secretWords(seed);
  for (let i = 0; i < first; i++) words.next();
  const bytes = new Uint8Array(4 * count);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) view.setUint32(4 * i, words.next().value, true);
  return bytes;
}

describe('secretWords, RFC 8439 appendix A.1', () => {
  it.each([
    [
      1,
      { key: zeroKey, nonce: 0, counter: 0 },
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586',
    ],
    [
      2,
      { key: zeroKey, nonce: 0, counter: 1 },
      '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    ],
    [
      3,
      { key: withByte(31, 1), nonce: 0, counter: 1 },
      '3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0',
    ],
    [
      4,
      { key: withByte(1, 255), nonce: 0, counter: 2 },
      '72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096',
    ],
    [
      5,
      { key: zeroKey, nonce: 2, counter: 0 },
      'c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c78a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d',
    ],
  ])('keystream %i', (_number, { key, nonce, counter }, hex) => {
    const first = (nonce * BLOCKS_PER_NONCE + counter) * WORDS_PER_BLOCK;
    expect(keystream(key, first, WORDS_PER_BLOCK)).toEqual(fromHex(hex));
  });

  it("is OpenSSL's keystream, block for block, across nonces", () => {
    const seed = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 3);
    const expected = [0, 1, 2].flatMap((nonce) => {
      // OpenSSL takes the counter, little-endian, before the nonce.
      const iv = new Uint8Array(16).with(15, nonce);
      return [...createCipheriv('chacha20', seed, iv).update(new Uint8Array(64 * BLOCKS_PER_NONCE))];
    });
    const stream = keystream(seed, 0, 3 * BLOCKS_PER_NONCE * WORDS_PER_BLOCK);
    expect(stream).toEqual(Uint8Array.from(expected));
    const blocks = Array.from({ length: 3 * BLOCKS_PER_NONCE }, (_, i) => stream.slice(64 * i, 64 * i + 64).join());
    expect(new Set(blocks).size).toBe(3 * BLOCKS_PER_NONCE);
  });

  it('keeps its own copy of the seed', () => {
    const seed = new Uint8Array(32);
    const words = secretWords(seed);
    seed.fill(9);
    expect(words.next().value).toBe(0xade0b876);
  });

  it.each([0, 31, 33])('throws for a seed of %i bytes', (length) => {
    expect(() => secretWords(new Uint8Array(length))).toThrow(/32 bytes/);
  });
});
