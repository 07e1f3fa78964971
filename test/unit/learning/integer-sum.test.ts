import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUpdate, averageDelta, emptySum, meanTrainLoss } from '../../../lib/learning/integer-sum.ts';
import type { DecodedUpdate } from '../../../lib/learning/update-codec.ts';
import { fineGrid } from './specs.ts';

const LENGTH = 6;
const update: fc.Arbitrary<DecodedUpdate> = fc.record({
  weight: fc.integer({ min: 1, max: 65_536 }),
  trainLoss: fc.double({ min: 0, max: 1000, noNaN: true }),
  coordinates: fc
    .array(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), { minLength: LENGTH, maxLength: LENGTH })
    .map((values) => Int32Array.from(values)),
});
const updates = fc.array(update, { minLength: 1, maxLength: 12 });
const total = (list: readonly DecodedUpdate[]) => list.reduce(addUpdate, emptySum(LENGTH));

describe('IntegerSum', () => {
  it('does not depend on the order of arrival, to the bit', () => {
    const shuffled = updates.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, permuted]) => {
        expect(total(permuted)).toEqual(total(list));
        expect(averageDelta(total(permuted), fineGrid)).toEqual(averageDelta(total(list), fineGrid));
        expect(meanTrainLoss(total(permuted))).toBe(meanTrainLoss(total(list)));
      }),
    );
  });

  it('is the exact weighted sum', () => {
    fc.assert(
      fc.property(updates, (list) => {
        const sum = total(list);
        const exact = Array.from({ length: LENGTH }, (_, i) =>
          list.reduce((rest, { weight, coordinates }) => rest + BigInt(weight) * BigInt(coordinates[i] ?? 0), 0n),
        );
        expect([...sum.coordinates].map(BigInt)).toEqual(exact);
        expect(sum.totalWeight).toBe(list.reduce((rest, { weight }) => rest + weight, 0));
        expect(sum.members).toBe(list.length);
      }),
    );
  });

  it('averages by weight, in parameter units', () => {
    const sum = [
      { weight: 3, trainLoss: 0.5, coordinates: Int32Array.of(4, -8, 0) },
      { weight: 1, trainLoss: 0.25, coordinates: Int32Array.of(0, 8, 2) },
    ].reduce(addUpdate, emptySum(3));
    expect([...averageDelta(sum, { ...fineGrid, stepLog2: -1 })]).toEqual([1.5, -2, 0.25]);
    expect(meanTrainLoss(sum)).toBe(0.4375);
  });

  it('leaves the sum it was given alone', () => {
    const before = emptySum(2);
    addUpdate(before, { weight: 5, trainLoss: 1, coordinates: Int32Array.of(1, 2) });
    expect(before).toEqual(emptySum(2));
  });

  it('stops where float64 would lose digits, and on a wrong length', () => {
    const huge = { weight: 2 ** 31 - 1, trainLoss: 0, coordinates: Int32Array.of(2 ** 31 - 1) };
    expect(() => addUpdate(emptySum(1), huge)).toThrow(RangeError);
    expect(() => addUpdate(emptySum(2), huge)).toThrow(RangeError);
  });

  it('has no average before the first update', () => {
    expect(() => averageDelta(emptySum(3), fineGrid)).toThrow(RangeError);
    expect(meanTrainLoss(emptySum(3))).toBeNull();
  });
});
