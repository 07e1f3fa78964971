import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../lib/core/bytes.ts';
import { decodeCbor, encodeCbor, type CborFailure, type CborValue } from '../../../lib/core/cbor.ts';

/** RFC 8949 Appendix A, the examples that the profile of `lib/core/cbor.ts` carries: value and bytes. */
const CARRIED: readonly (readonly [string, CborValue])[] = [
  ['00', 0],
  ['01', 1],
  ['0a', 10],
  ['17', 23],
  ['1818', 24],
  ['1819', 25],
  ['1864', 100],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['20', -1],
  ['29', -10],
  ['3863', -100],
  ['3903e7', -1000],
  ['fb3ff199999999999a', 1.1],
  ['f93e00', 1.5],
  ['fa7f7fffff', 3.4028234663852886e38],
  ['fb7e37e43c8800759c', 1.0e300],
  ['f90001', 5.960464477539063e-8],
  ['f90400', 0.000_061_035_156_25],
  ['fbc010666666666666', -4.1],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['40', new Uint8Array()],
  ['4401020304', Uint8Array.of(1, 2, 3, 4)],
  ['60', ''],
  ['6161', 'a'],
  ['6449455446', 'IETF'],
  ['62225c', '"\\'],
  ['62c3bc', '\u00fc'],
  ['63e6b0b4', '\u6c34'],
  ['64f0908591', '\ud800\udd51'],
  ['80', []],
  ['83010203', [1, 2, 3]],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['98190102030405060708090a0b0c0d0e0f101112131415161718181819', Array.from({ length: 25 }, (_, index) => index + 1)],
  ['a0', {}],
  ['a26161016162820203', { a: 1, b: [2, 3] }],
  ['826161a161626163', ['a', { b: 'c' }]],
  ['a56161614161626142616361436164614461656145', { a: 'A', b: 'B', c: 'C', d: 'D', e: 'E' }],
];

/** The other examples of Appendix A, each with why it is refused. */
const REFUSED: readonly (readonly [string, CborFailure['reason'], string])[] = [
  ['1bffffffffffffffff', 'unsupported', '18446744073709551615: beyond 2^53 - 1'],
  ['c249010000000000000000', 'unsupported', '18446744073709551616: bignum'],
  ['3bffffffffffffffff', 'unsupported', '-18446744073709551616: beyond 2^53 - 1'],
  ['c349010000000000000000', 'unsupported', '-18446744073709551617: bignum'],
  ['f90000', 'not-deterministic', '0.0: integral values are integers here'],
  ['f98000', 'not-deterministic', '-0.0'],
  ['f93c00', 'not-deterministic', '1.0'],
  ['f97bff', 'not-deterministic', '65504.0'],
  ['fa47c35000', 'not-deterministic', '100000.0'],
  ['f9c400', 'not-deterministic', '-4.0'],
  ['f97c00', 'unsupported', 'Infinity'],
  ['f97e00', 'unsupported', 'NaN'],
  ['f9fc00', 'unsupported', '-Infinity'],
  ['fa7f800000', 'unsupported', 'Infinity'],
  ['fa7fc00000', 'unsupported', 'NaN'],
  ['faff800000', 'unsupported', '-Infinity'],
  ['fb7ff0000000000000', 'unsupported', 'Infinity'],
  ['fb7ff8000000000000', 'unsupported', 'NaN'],
  ['fbfff0000000000000', 'unsupported', '-Infinity'],
  ['f7', 'unsupported', 'undefined'],
  ['f0', 'unsupported', 'simple(16)'],
  ['f818', 'unsupported', 'simple(24)'],
  ['f8ff', 'unsupported', 'simple(255)'],
  ['c074323031332d30332d32315432303a30343a30305a', 'unsupported', 'tag 0'],
  ['c11a514b67b0', 'unsupported', 'tag 1'],
  ['c1fb41d452d9ec200000', 'unsupported', 'tag 1'],
  ['d74401020304', 'unsupported', 'tag 23'],
  ['d818456449455446', 'unsupported', 'tag 24'],
  ['d82076687474703a2f2f7777772e6578616d706c652e636f6d', 'unsupported', 'tag 32'],
  ['a201020304', 'unsupported', 'integer keys'],
  ['5f42010243030405ff', 'unsupported', 'indefinite bytes'],
  ['7f657374726561646d696e67ff', 'unsupported', 'indefinite text'],
  ['9fff', 'unsupported', 'indefinite array'],
  ['9f018202039f0405ffff', 'unsupported', 'indefinite arrays'],
  ['9f01820203820405ff', 'unsupported', 'indefinite array'],
  ['83018202039f0405ff', 'unsupported', 'indefinite array'],
  ['83019f0203ff820405', 'unsupported', 'indefinite array'],
  ['9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff', 'unsupported', 'indefinite array'],
  ['bf61610161629f0203ffff', 'unsupported', 'indefinite map'],
  ['826161bf61626163ff', 'unsupported', 'indefinite map'],
  ['bf6346756ef563416d7421ff', 'unsupported', 'indefinite map'],
];

const unhex = (hex: string): Uint8Array => {
  const bytes = fromHex(hex);
  if (bytes === null) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
};

describe('RFC 8949 Appendix A', () => {
  it.each(CARRIED)('%s is carried both ways', (hex, value) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    const decoded = decodeCbor(unhex(hex));
    // Maps come back without a prototype, so that only their entries are compared.
    expect(decoded.ok && JSON.stringify(plain(decoded.value))).toBe(JSON.stringify(plain(value)));
  });

  it.each(REFUSED)('%s is refused as %s (%s)', (hex, reason) => {
    const decoded = decodeCbor(unhex(hex));
    expect(decoded.ok ? 'decoded' : decoded.error.reason).toBe(reason);
  });

  it('covers the 82 examples of the appendix', () => {
    expect(CARRIED.length + REFUSED.length).toBe(82);
  });
});

describe('RFC 8949 §4.2.1: the shortest head and the shortest float', () => {
  it.each([
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['19ffff', 65_535],
    ['1a00010000', 65_536],
    ['1affffffff', 2 ** 32 - 1],
    ['1b0000000100000000', 2 ** 32],
    ['1b001fffffffffffff', 2 ** 53 - 1],
    ['3b001ffffffffffffe', -(2 ** 53) + 1],
    // The largest and the smallest of each float that is no integer, and the next one.
    ['f963ff', 1023.5],
    ['fa44801000', 1024.5],
    ['f903ff', 1023 * 2 ** -24],
    ['f98001', -(2 ** -24)],
    ['fa33000000', 2 ** -25],
    ['fb3ff0000000000001', 1 + 2 ** -52],
    // Integers beyond the profile's are floats.
    ['fa5a000000', 2 ** 53],
    ['fa71c00000', 1.5 * 2 ** 100],
    ['fb4340000000000001', 2 ** 53 + 2],
    ['fb7e37e43c8800759c', 1e300],
  ])('%s is %d', (hex, value) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    expect(decodeCbor(unhex(hex))).toEqual({ ok: true, value });
  });
});

describe('RFC 8949 Appendix F: bytes that are not well-formed', () => {
  const RESERVED = ['1c', '1d', '1e', '3c', '3d', '3e', '5c', '5d', '5e', '7c', '7d', '7e', '9c', '9d', '9e'];
  const MORE = ['bc', 'bd', 'be', 'dc', 'dd', 'de', 'fc', 'fd', 'fe', '1f', '3f', 'df', 'ff', 'f800', 'f81f'];
  it.each([...RESERVED, ...MORE])('%s is refused', (hex) => {
    const decoded = decodeCbor(unhex(hex));
    expect(decoded.ok ? 'decoded' : decoded.error.reason).toBe('unsupported');
  });
});

function plain(value: CborValue): unknown {
  if (value instanceof Uint8Array) return { bytes: toHex(value) };
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}
