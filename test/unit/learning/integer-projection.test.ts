import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../lib/contract/grid.ts';
import { isWithinNorm } from '../../../lib/learning/integer-norm.ts';
import { projectToGrid } from '../../../lib/learning/integer-projection.ts';
import { toGrid } from '../../../lib/learning/quantise.ts';
import { fineGrid } from './specs.ts';

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (value, i) => value - (b[i] ?? 0)));

/** Sums of 2 to 40 coordinates and a neighbour; often on, just inside or far beyond the ball or a face of the box. */
const neighbours = fc
  .record({
    direction: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 2, maxLength: 40 }),
    length: fc.oneof(fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 0.9, max: 1.1, noNaN: true })),
    l2Bound: fc.integer({ min: 1, max: 4000 }),
    boxOfBall: fc.double({ min: 0.05, max: 2, noNaN: true }),
    moved: fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 0, max: 0.1, noNaN: true })),
    move: fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
    stepLog2: fc.integer({ min: -30, max: 0 }),
  })
  .map(({ direction, length, l2Bound, boxOfBall, moved, move, stepLog2 }) => {
    const unit = Math.max(1, Math.hypot(...direction));
    const step = 2 ** stepLog2;
    const sum = Float64Array.from(direction, (value) => (value / unit) * length * l2Bound * step);
    const by = Float64Array.from(direction, () => (move.next().value ?? 0) * moved * l2Bound * step);
    const coordinateBound = Math.ceil(boxOfBall * l2Bound);
    const grid: Grid = { stepLog2, coordinateBound, weightCap: 1, l2Bound };
    return { sum, neighbour: sum.map((value, i) => value + (by[i] ?? 0)), grid };
  });

describe('projectToGrid', () => {
  it('brings no two sums further apart, but for the rounding that the sensitivity counts', () => {
    fc.assert(
      fc.property(neighbours, ({ sum, neighbour, grid }) => {
        const before = distance(sum, neighbour) * 2 ** -grid.stepLog2;
        const after = distance(projectToGrid(sum, grid), projectToGrid(neighbour, grid));
        expect(after).toBeLessThanOrEqual(before * (1 + 1e-12) + Math.sqrt(sum.length));
      }),
      { numRuns: 2000 },
    );
  });

  it('also where rounding carries only one of the two over the bound, where toGrid brings them further apart', () => {
    const grid: Grid = { stepLog2: 0, coordinateBound: 2000, weightCap: 1, l2Bound: 1001 };
    const many = (value: number): number[] => new Array<number>(100).fill(value);
    const [a, b] = [Float64Array.of(1000.4, ...many(1.51)), Float64Array.of(1000.6, ...many(0.99))];
    const allowed = distance(a, b) + Math.sqrt(101);
    expect(distance(projectToGrid(a, grid), projectToGrid(b, grid))).toBeLessThanOrEqual(allowed);
    const [gridA, gridB] = [toGrid(a, grid), toGrid(b, grid)];
    expect(gridA.ok && gridB.ok && distance(gridA.value, gridB.value)).toBeGreaterThan(allowed);
  });

  it('never leaves the ball or the box of the grid, rounding included', () => {
    fc.assert(
      fc.property(neighbours, ({ sum, grid }) => {
        const projected = projectToGrid(sum, grid);
        expect(isWithinNorm(projected, grid.l2Bound)).toBe(true);
        expect(projected.every((value) => Math.abs(value) <= grid.coordinateBound)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is at most half a step off inside both, and rounds halves to even', () => {
    const small = fc.float64Array({ noNaN: true, min: -0.5, max: 0.5, maxLength: 50 });
    fc.assert(
      fc.property(small, (sum) => {
        const steps = projectToGrid(sum, fineGrid);
        sum.forEach((value, i) => {
          expect(Math.abs((steps[i] ?? 0) * 2 ** -22 - value)).toBeLessThanOrEqual(2 ** -23);
        });
      }),
    );
    const halves = Float64Array.of(0.5, 1.5, -0.5, -1.5, 2.6);
    expect([...projectToGrid(halves, { ...fineGrid, stepLog2: 0 })]).toEqual([0, 2, 0, -2, 3]);
  });

  it('keeps the direction of a sum beyond the ball, and most of its length', () => {
    const grid = { ...fineGrid, stepLog2: -3, l2Bound: 5000 };
    const [x = 0, y = 0] = projectToGrid(Float64Array.of(30_000, -40_000), grid);
    expect([x, y]).toEqual([3000, -3999]);
  });

  it('gives zeros where the bound has no room for rounding', () => {
    const grid = { ...fineGrid, stepLog2: 0, l2Bound: 2 };
    expect([...projectToGrid(new Float64Array(16).fill(7), grid)]).toEqual(new Array(16).fill(0));
  });

  it.each([Number.NaN, Infinity, -Infinity])('throws on %d', (value) => {
    expect(() => projectToGrid(Float64Array.of(0.25, value), fineGrid)).toThrow(RangeError);
  });
});
