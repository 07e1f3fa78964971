import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesEqual, toHex } from '../../../lib/core/bytes.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../../../lib/core/cbor.ts';

const { value: anyValue } = fc.letrec<{ value: CborValue; number: number }>((tie) => ({
  number: fc.oneof(
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    // Every binary16 value: 11 significant bits and an exponent.
    fc.tuple(fc.integer({ min: -2047, max: 2047 }), fc.integer({ min: -24, max: 5 })).map(([m, e]) => m * 2 ** e),
  ),
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.constantFrom(null, true, false),
    tie('number'),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('__proto__', 'length', '1')), tie('value'), {
      maxKeys: 6,
    }),
  ),
}));

describe('CBOR, for any value and any bytes', () => {
  it('gives back what was encoded, and the same bytes again', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeCbor(value);
        const decoded = decodeCbor(bytes);
        if (!decoded.ok) throw new Error(`${decoded.error.reason} for ${toHex(bytes)}`);
        expect(bytesEqual(encodeCbor(decoded.value), bytes)).toBe(true);
        expect(same(decoded.value, value)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });

  it('gives the same bytes whatever order the keys were written in', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ maxLength: 30 }), { maxLength: 12 }), (keys) => {
        const forwards = Object.fromEntries(keys.map((key) => [key, key.length]));
        const backwards = Object.fromEntries([...keys].reverse().map((key) => [key, key.length]));
        expect(toHex(encodeCbor(forwards))).toBe(toHex(encodeCbor(backwards)));
      }),
    );
  });

  it('is total on random bytes, and what it accepts is its own encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeCbor(bytes);
        if (decoded.ok) expect(bytesEqual(encodeCbor(decoded.value), bytes)).toBe(true);
        else expect(decoded.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 5000 },
    );
  });

  it('never reads two documents as one value: a changed byte changes the value or is refused', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, mask) => {
        const bytes = encodeCbor(value);
        const altered = Uint8Array.from(bytes);
        const at = place % bytes.length;
        altered[at] = (altered[at] ?? 0) ^ mask;
        const decoded = decodeCbor(altered);
        if (decoded.ok) expect(same(decoded.value, value)).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });
});

/** Equality of values; −0 counts as 0, which is what the profile carries. */
function same(a: CborValue, b: CborValue): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && bytesEqual(a, b);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return (a as readonly CborValue[]).every((item, index) => same(item, (b as readonly CborValue[])[index] ?? null));
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const left = new Map(Object.entries(a as Record<string, CborValue>));
  const right = new Map(Object.entries(b as Record<string, CborValue>));
  return (
    left.size === right.size && [...left].every(([key, item]) => right.has(key) && same(item, right.get(key) ?? null))
  );
}
