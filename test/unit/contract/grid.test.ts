import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSumFits, grid } from '../../../lib/contract/grid.ts';
import { addUpdate, emptySum } from '../../../lib/learning/integer-sum.ts';

const plan = { stepLog2: -20, coordinateBound: 2 ** 23, weightCap: 4096, l2Bound: 2 ** 24 };

describe('PROTOCOL §6: the grid', () => {
  it('is refused when n · B · W reaches 2^53, and not one below', () => {
    expect(checkSumFits({ ...plan, coordinateBound: 2 ** 30, weightCap: 2 ** 21 }, 4).ok).toBe(false);
    expect(checkSumFits({ ...plan, coordinateBound: 2 ** 30 - 1, weightCap: 2 ** 21 }, 4).ok).toBe(true);
    // 6361 · 69431 · 20394401 = 2^53 − 1.
    expect(checkSumFits({ ...plan, coordinateBound: 20_394_401, weightCap: 69_431 }, 6361).ok).toBe(true);
    const refused = checkSumFits({ ...plan, coordinateBound: 0x7fff_ffff, weightCap: 0x7fff_ffff }, 1000);
    expect(refused.ok ? 'fits' : refused.error).toEqual({
      code: 'E-CONTRACT-OVERFLOW',
      detail: 'grid',
      got: '4611686014132420609000',
      want: 'less than 2^53',
    });
  });

  it('on any grid that fits, the largest updates sum exactly, in any sign', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0x7fff_ffff }),
        fc.integer({ min: 1, max: 0x7fff_ffff }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        (coordinateBound, weightCap, organisations, negative) => {
          fc.pre(checkSumFits({ ...plan, coordinateBound, weightCap }, organisations).ok);
          const coordinate = negative ? -coordinateBound : coordinateBound;
          let sum = emptySum(1);
          for (let i = 0; i < organisations; i++)
            sum = addUpdate(sum, { weight: weightCap, trainLoss: 0, coordinates: Int32Array.of(coordinate) });
          const want = BigInt(coordinate) * BigInt(weightCap) * BigInt(organisations);
          expect(BigInt(sum.coordinates[0] ?? 0)).toBe(want);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ['a step above 1', { stepLog2: 1 }],
    ['a step that is no power of two', { stepLog2: -0.5 }],
    ['a bound beyond int32', { coordinateBound: 2 ** 31 }],
    ['no bound', { coordinateBound: 0 }],
    ['no weight', { weightCap: 0 }],
    ['no norm', { l2Bound: 0 }],
    ['an unknown field', { rounding: 'up' }],
  ])('refuses %s', (_, change) => {
    expect(grid.safeParse({ ...plan, ...change }).success).toBe(false);
  });
});
