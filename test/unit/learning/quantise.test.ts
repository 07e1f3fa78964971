import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../lib/contract/grid.ts';
import { isWithinNorm, squaredNorm } from '../../../lib/learning/integer-norm.ts';
import { toGrid } from '../../../lib/learning/quantise.ts';
import { fineGrid } from './specs.ts';

const exactSquaredNorm = (vector: Int32Array): bigint =>
  [...vector].reduce((sum, value) => sum + BigInt(value) * BigInt(value), 0n);

const anyGrid: fc.Arbitrary<Grid> = fc.record({
  stepLog2: fc.integer({ min: -40, max: 0 }),
  coordinateBound: fc.integer({ min: 1, max: 0x7fff_ffff }),
  weightCap: fc.constant(1000),
  l2Bound: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2 ** 40 })),
});
const anyDelta = fc.float64Array({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6, maxLength: 50 });

const onGrid = (delta: Float64Array, grid: Grid): Int32Array => {
  const result = toGrid(delta, grid);
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
};

describe('squaredNorm', () => {
  it('is exact for every int32', () => {
    fc.assert(
      fc.property(fc.int32Array({ maxLength: 60 }), (vector) => {
        expect(squaredNorm(vector)).toBe(exactSquaredNorm(vector));
      }),
    );
    expect(squaredNorm(Int32Array.of(-(2 ** 31), 2 ** 31 - 1))).toBe(2n ** 62n + (2n ** 31n - 1n) ** 2n);
  });

  it('stays exact over more coordinates than one block', () => {
    const vector = new Int32Array(2 ** 20 + 3).fill(0x7fff_ffff);
    expect(squaredNorm(vector)).toBe(BigInt(vector.length) * 0x7fff_ffffn ** 2n);
  });

  it('decides the bound to the unit', () => {
    expect(isWithinNorm(Int32Array.of(3, 4), 5)).toBe(true);
    expect(isWithinNorm(Int32Array.of(3, 4, 1), 5)).toBe(false);
    // 94906267² + 1 is where float64 squares begin to lose the last digit.
    expect(isWithinNorm(Int32Array.of(94_906_267, 1), 94_906_267)).toBe(false);
  });
});

describe('toGrid', () => {
  it('never exceeds coordinate bound or L2 bound, rounding included', () => {
    fc.assert(
      fc.property(anyDelta, anyGrid, (delta, grid) => {
        const vector = onGrid(delta, grid);
        expect(vector.length).toBe(delta.length);
        expect(vector.every((value) => Math.abs(value) <= grid.coordinateBound)).toBe(true);
        expect(exactSquaredNorm(vector) <= BigInt(grid.l2Bound) ** 2n).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is at most half a step off where nothing is clipped', () => {
    const small = fc.float64Array({ noNaN: true, min: -0.5, max: 0.5, maxLength: 50 });
    fc.assert(
      fc.property(small, (delta) => {
        const vector = onGrid(delta, fineGrid);
        delta.forEach((value, i) => {
          expect(Math.abs((vector[i] ?? 0) * 2 ** -22 - value)).toBeLessThanOrEqual(2 ** -23);
        });
      }),
    );
  });

  it('rounds halves to even, on both sides of zero', () => {
    const grid = { ...fineGrid, stepLog2: 0 };
    const delta = Float64Array.of(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.6, -2.6);
    expect([...onGrid(delta, grid)]).toEqual([0, 2, 2, 0, -2, -2, 0, 3, -3]);
  });

  it('keeps the direction of an update that is too long', () => {
    const vector = onGrid(Float64Array.of(300, -400, 0), { ...fineGrid, stepLog2: -10, l2Bound: 5000 });
    expect([...vector]).toEqual([3000, -4000, 0]);
  });

  it('rounds towards zero where rounding to nearest would leave the bound', () => {
    const grid = { ...fineGrid, stepLog2: 0, l2Bound: 3 };
    const vector = onGrid(new Float64Array(16).fill(0.75), grid);
    expect([...vector]).toEqual(new Array(16).fill(0));
  });

  it('keeps the whole of an update that lies on the bound', () => {
    const grid = { ...fineGrid, stepLog2: -3, l2Bound: 5 };
    expect([...onGrid(Float64Array.of(3 / 8, -4 / 8), grid)]).toEqual([3, -4]);
  });

  it.each([
    ['NaN', [0, Number.NaN, 1]],
    ['+∞', [0, Infinity]],
    ['−∞', [-Infinity, 0]],
    ['NaN beside ∞', [Infinity, Number.NaN]],
    ['a norm beyond float64', new Array<number>(9).fill(1e308)],
  ])('refuses %s', (_, values) => {
    expect(toGrid(Float64Array.from(values), fineGrid)).toMatchObject({ error: { code: 'E-TRAINING-DIVERGED' } });
  });

  it('clips what is huge but finite, without overflow', () => {
    expect([...onGrid(Float64Array.of(1e300, 0, -1e300), { ...fineGrid, l2Bound: 2 ** 40 })]).toEqual([
      2 ** 24,
      0,
      -(2 ** 24),
    ]);
  });
});
