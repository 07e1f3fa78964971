import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../lib/core/bytes.ts';
import { decodeCbor, encodeCbor, MAX_CBOR_ITEMS, type CborValue } from '../../../lib/core/cbor.ts';

const reasonFor = (bytes: Uint8Array, limits?: Parameters<typeof decodeCbor>[1]): string => {
  const decoded = decodeCbor(bytes, limits);
  return decoded.ok ? 'decoded' : decoded.error.reason;
};
const reasonOf = (hex: string): string => reasonFor(fromHex(hex) ?? new Uint8Array());

const DOCUMENT: CborValue = {
  text: 'K\u00f6ln',
  bytes: Uint8Array.of(0, 255),
  list: [0, -1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, -(2 ** 53) + 1],
  floats: [0.5, 1.1, 2 ** -24, 65_503.5, 3.4028234663852886e38, 2 ** 53],
  nested: { deep: [{ deeper: null }, true, false] },
};

describe('PROTOCOL §2.1: decode, re-encode, compare, refuse what differs', () => {
  it.each([
    ['1800', '0 in two bytes'],
    ['1817', '23 in two bytes'],
    ['190018', '24 in three bytes'],
    ['1a00000001', '1 in five bytes'],
    ['1b0000000000000001', '1 in nine bytes'],
    ['3800', '-1 in two bytes'],
    ['3900ff', '-256 in three bytes'],
    ['5801aa', 'a length in two bytes'],
    ['780161', 'a text length in two bytes'],
    ['980100', 'an array length in two bytes'],
    ['b801616100', 'a map length in two bytes'],
    ['a2616200616100', 'keys out of order'],
    ['a262616100616200', 'the longer key first'],
    ['fa3fc00000', '1.5 as binary32'],
    ['fb3ff8000000000000', '1.5 as binary64'],
    ['fb3ff4000000000000', '1.25 as binary64'],
    ['fb3e70000000000000', 'the smallest binary16 as binary64'],
    ['fb4340000000000000', '2^53 as binary64 where binary32 holds it'],
    ['f98000', 'negative zero'],
    ['fb8000000000000000', 'negative zero'],
    ['fb43e0000000000000', '2^63 as binary64'],
  ])('%s is refused as not deterministic: %s', (hex) => {
    expect(reasonOf(hex)).toBe('not-deterministic');
  });

  it.each([
    ['a2616100616101', 'a key twice'],
    ['a1f600', 'null as a key'],
    ['a1810000', 'an array as a key'],
    ['61ff', 'text that is not UTF-8'],
    ['63eda080', 'a lone surrogate in UTF-8'],
    ['62c080', 'an overlong encoding in UTF-8'],
    ['1b0020000000000000', '2^53'],
    ['3b001fffffffffffff', '-2^53'],
  ])('%s is refused as unsupported: %s', (hex) => {
    expect(reasonOf(hex)).toBe('unsupported');
  });

  it('keeps a byte order mark as the text it is', () => {
    expect(toHex(encodeCbor('\ufeffa'))).toBe('64efbbbf61');
    expect(reasonOf('64efbbbf61')).toBe('decoded');
  });

  it('refuses a byte behind the document and the document cut at every byte', () => {
    const bytes = encodeCbor(DOCUMENT);
    expect(reasonFor(Uint8Array.of(...bytes, 0))).toBe('trailing-bytes');
    expect(reasonFor(new Uint8Array())).toBe('truncated');
    for (let length = 0; length < bytes.length; length++) {
      expect(reasonFor(bytes.subarray(0, length)), `cut at ${length}`).toBe('truncated');
    }
  });

  it.each([
    ['5bffffffffffffffff', 'unsupported'],
    ['5b001fffffffffffff', 'truncated'],
    ['7b001fffffffffffff', 'truncated'],
    ['9b001fffffffffffff', 'truncated'],
    ['bb001fffffffffffff', 'truncated'],
    ['9affffffff', 'truncated'],
    ['ba7fffffff6161', 'truncated'],
  ])('%s promises more than there is and is refused without allocating it', (hex, reason) => {
    expect(reasonOf(hex)).toBe(reason);
  });

  it('refuses a count beyond the bytes left at the count, without reading an item', () => {
    for (const hex of ['9a0000000301', 'ba00000004616100']) {
      const decoded = decodeCbor(fromHex(hex) ?? new Uint8Array());
      expect(decoded.ok ? 'decoded' : decoded.error).toEqual({ reason: 'truncated', offset: 5 });
    }
  });

  it('has limits unless others are given: 16 levels and 1 MiB (PROTOCOL §2.7)', () => {
    const deep = (levels: number): Uint8Array => Uint8Array.of(...new Array<number>(levels).fill(0x81), 0x00);
    expect(reasonFor(deep(16))).toBe('decoded');
    expect(reasonFor(deep(17))).toBe('too-deep');
    // Behind a head of five bytes.
    expect(reasonFor(encodeCbor(new Uint8Array((1 << 20) - 5)))).toBe('decoded');
    expect(reasonFor(encodeCbor(new Uint8Array((1 << 20) - 4)))).toBe('too-large');
  });

  it('counts the levels of maps and of arrays in maps', () => {
    const nested = (levels: number): CborValue => (levels === 0 ? 0 : { a: [nested(levels - 1)] });
    const maps = (levels: number): CborValue => (levels === 0 ? 0 : { a: maps(levels - 1) });
    expect(reasonFor(encodeCbor(nested(8)))).toBe('decoded');
    expect(reasonFor(encodeCbor(nested(9)))).toBe('too-deep');
    expect(reasonFor(encodeCbor(maps(16)))).toBe('decoded');
    expect(reasonFor(encodeCbor(maps(17)))).toBe('too-deep');
  });

  it('refuses nesting beyond the limit, and no sooner', () => {
    const nested = (depth: number): Uint8Array => Uint8Array.of(...new Array<number>(depth).fill(0x81), 0x00);
    const limits = { maxBytes: 1 << 20, maxDepth: 16 };
    expect(reasonFor(nested(16), limits)).toBe('decoded');
    expect(reasonFor(nested(17), limits)).toBe('too-deep');
    expect(reasonFor(new Uint8Array(1 << 20).fill(0x81), limits)).toBe('too-deep');
  });

  it('refuses more bytes than the limit before reading them', () => {
    expect(reasonFor(encodeCbor(new Uint8Array(9)), { maxBytes: 9, maxDepth: 1 })).toBe('too-large');
    expect(reasonFor(encodeCbor(new Uint8Array(9)), { maxBytes: 10, maxDepth: 1 })).toBe('decoded');
  });

  it('is total where every byte is an item: many are carried, too many refused', () => {
    const zeros = (count: number): Uint8Array => {
      const bytes = new Uint8Array(5 + count);
      bytes[0] = 0x9a;
      new DataView(bytes.buffer).setUint32(1, count);
      return bytes;
    };
    const limits = { maxBytes: 64 << 20, maxDepth: 2 };
    expect(reasonFor(zeros(MAX_CBOR_ITEMS - 1), limits)).toBe('decoded');
    expect(reasonFor(zeros(MAX_CBOR_ITEMS), limits)).toBe('too-large');
    const bomb = zeros(8 << 20).fill(0x80, 5);
    expect(reasonFor(bomb, limits)).toBe('too-large');
  });

  it('copies byte strings, so that a document does not change with the buffer it came in', () => {
    const source = Buffer.from(encodeCbor(Uint8Array.of(1, 2, 3)));
    const decoded = decodeCbor(source);
    source.fill(0xff);
    expect(decoded.ok && decoded.value).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('treats the key __proto__ as data like any other', () => {
    const value = { ['__proto__']: { admin: true }, toString: 1 };
    const bytes = encodeCbor(value);
    const decoded = decodeCbor(bytes);
    if (!decoded.ok || decoded.value === null || typeof decoded.value !== 'object') throw new Error('not a map');
    expect(Object.keys(decoded.value)).toEqual(['toString', '__proto__']);
    expect(Object.getPrototypeOf(decoded.value)).toBe(null);
    expect('admin' in decoded.value).toBe(false);
    expect('admin' in {}).toBe(false);
    expect(toHex(encodeCbor(decoded.value))).toBe(toHex(bytes));
  });

  it('throws on what no caller may ask it to encode', () => {
    expect(() => encodeCbor(Number.NaN)).toThrow(RangeError);
    expect(() => encodeCbor(Number.POSITIVE_INFINITY)).toThrow(RangeError);
    expect(() => encodeCbor('\ud800')).toThrow(RangeError);
    expect(() => encodeCbor({ '\ud800': 1 })).toThrow(RangeError);
    expect(() => encodeCbor({ absent: undefined as unknown as CborValue })).toThrow(TypeError);
  });

  it('sorts keys by their encoded bytes: shorter first, then by byte (RFC 8949 §4.2.1)', () => {
    expect(toHex(encodeCbor({ b: 0, aa: 1, a: 2, '\u00e9': 3, '': 4 }))).toBe(
      'a5600461610261620062616101' + '62c3a903',
    );
  });
});
