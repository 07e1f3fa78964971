import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { total } from '../../../../lib/attestation/formats/malformed.ts';
import { readCbor, type StrictCbor, type StrictCborLimits } from '../../../../lib/attestation/formats/strict-cbor.ts';
import { encodeCbor, type CborValue } from '../../../../lib/core/cbor.ts';

const LIMITS: StrictCborLimits = { maxDepth: 4, maxItems: 64 };
const read = (hex: string, limits: Partial<StrictCborLimits> = {}): StrictCbor | string => {
  const result = total('test', () => readCbor(Buffer.from(hex.replaceAll(' ', ''), 'hex'), { ...LIMITS, ...limits }));
  return result.ok ? result.value : result.error.detail;
};

describe('strict CBOR (RFC 8949)', () => {
  test.each([
    ['00', 0],
    ['17', 23],
    ['18 18', 24],
    ['19 0100', 256],
    ['1a 00010000', 65536],
    ['1b 001fffffffffffff', 2 ** 53 - 1],
    ['20', -1],
    ['38 22', -35],
    ['1b 0000000100000000', 2 ** 32],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['40', new Uint8Array()],
    ['42 0102', Uint8Array.of(1, 2)],
    ['62 c3a9', 'é'],
    ['63 efbbbf', '\ufeff'],
    ['82 01 81 02', [1, [2]]],
    [
      'a2 01 02 61 61 f6',
      new Map<string | number, unknown>([
        [1, 2],
        ['a', null],
      ]),
    ],
    [
      'a2 61 62 01 61 61 02',
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
    ],
  ])('%s', (hex, value) => {
    const got = read(hex);
    expect(got instanceof Uint8Array ? Uint8Array.from(got) : got).toEqual(value);
  });

  test.each([
    ['', 'cut short'],
    ['18', 'cut short'],
    ['42 01', 'cut short'],
    ['81', 'cut short'],
    ['9b 001fffffffffffff', 'cut short'],
    ['a1 01', 'cut short'],
    ['5b 001fffffffffffff', 'cut short'],
    ['18 17', 'shortest'],
    ['19 00ff', 'shortest'],
    ['1a 0000ffff', 'shortest'],
    ['1b 00000000ffffffff', 'shortest'],
    ['58 01 00', 'shortest'],
    ['1b 0020000000000000', 'above 2^53'],
    ['3b 001fffffffffffff', 'below -2^53'],
    ['00 00', '1 bytes after'],
    ['5f 41 00 ff', 'indefinite'],
    ['7f ff', 'indefinite'],
    ['9f ff', 'indefinite'],
    ['bf ff', 'indefinite'],
    ['1c', 'reserved'],
    ['61 ff', 'UTF-8'],
    ['62 eda0', 'UTF-8'],
    ['a2 01 02 01 03', 'twice'],
    ['a2 61 61 02 61 61 03', 'twice'],
    ['a1 40 01', 'key is neither'],
    ['a1 f6 01', 'key is neither'],
    ['a1 80 01', 'key is neither'],
    ['c0 00', 'tag'],
    ['81 c0 00', 'tag'],
    ['f7', 'simple'],
    ['f9 3c00', 'float'],
    ['ff', 'simple'],
    ['81 81 81 81 81 00', 'too deep'],
    ['a1 00 a1 00 a1 00 a1 00 a1 00 00', 'too deep'],
  ])('refuses %s: %s', (hex, why) => {
    expect(read(hex)).toContain(why);
  });

  test('counts items, keys included', () => {
    expect(read('83 01 02 03', { maxItems: 4 })).toEqual([1, 2, 3]);
    expect(read('83 01 02 03', { maxItems: 3 })).toContain('too many');
    expect(read('a1 01 02', { maxItems: 2 })).toContain('too many');
  });

  test('takes one tag before the outermost item where the caller allows it', () => {
    expect(read('d2 80', { optionalTag: 18 })).toEqual([]);
    expect(read('80', { optionalTag: 18 })).toEqual([]);
    expect(read('d1 80', { optionalTag: 18 })).toContain('another CBOR tag');
    expect(read('d2 d2 80', { optionalTag: 18 })).toContain('tag');
    expect(read('81 d2 80', { optionalTag: 18 })).toContain('tag');
    expect(read('d8 12 80', { optionalTag: 18 })).toContain('shortest');
  });

  test('takes an outermost map of indefinite length where the caller allows it', () => {
    const allowed = { indefiniteMap: true } as const;
    expect(read('bf 01 02 ff', allowed)).toEqual(new Map([[1, 2]]));
    expect(read('bf ff', allowed)).toEqual(new Map());
    expect(read('bf 01 02', allowed)).toContain('cut short');
    expect(read('bf 01 ff', allowed)).toContain('simple');
    expect(read('bf 01 02 01 02 ff', allowed)).toContain('twice');
    expect(read('bf 01 bf ff ff', allowed)).toContain('indefinite');
    expect(read('bf ff 00', allowed)).toContain('after');
    expect(read('bf 01 02 ff', { indefiniteMap: true, maxDepth: 0 })).toContain('too deep');
  });

  test('reads what the deterministic encoder writes, floats apart', () => {
    const leaf = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }), fc.boolean(), fc.constant(null));
    const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), fc.array(leaf)));
    fc.assert(
      fc.property(value, (original) => {
        const bytes = encodeCbor(original);
        const got = readCbor(bytes, { maxDepth: 4, maxItems: 10_000 });
        expect(encodeCbor(plain(got))).toEqual(bytes);
      }),
    );
  });

  test('is total: any bytes give a value or Malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        total('fuzz', () => readCbor(bytes, { ...LIMITS, optionalTag: 18, indefiniteMap: true }));
      }),
      { numRuns: 2000 },
    );
  });
});

function plain(value: StrictCbor): CborValue {
  if (value instanceof Map) {
    return Object.fromEntries([...(value as ReadonlyMap<string, StrictCbor>)].map(([key, item]) => [key, plain(item)]));
  }
  return Array.isArray(value) ? (value as StrictCbor[]).map(plain) : (value as CborValue);
}
