import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countScale, niceScale, tickDigits } from '../../../cli/report/chart-scale.ts';
import { ranges } from '../../../cli/report/format.ts';

const axis = { from: 214, to: 16, ticks: 5 };

test.each([
  [
    [0.441, 0.69],
    [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7],
  ],
  [
    [0.8201, 0.8809],
    [0.82, 0.84, 0.86, 0.88, 0.9],
  ],
  [
    [3, 3],
    [3, 4],
  ],
  [
    [0, 0],
    [0, 0.2],
  ],
  [
    [-1, 1],
    [-1, -0.5, 0, 0.5, 1],
  ],
])('the axis around %j has the ticks %j', (values, ticks) => {
  expect(niceScale(values, axis).ticks).toEqual(ticks);
});

test('an axis encloses its values, has few ticks, and maps its ends to its ends', () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-6);
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
      const scale = niceScale(values, axis);
      const { ticks } = scale;
      const [low = Number.NaN, high = Number.NaN] = [ticks[0], ticks.at(-1)];
      const slack = (high - low) * 1e-6;
      expect(low).toBeLessThanOrEqual(Math.min(...values) + slack);
      expect(high).toBeGreaterThanOrEqual(Math.max(...values) - slack);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(axis.ticks + 3);
      expect(scale.at(low)).toBeCloseTo(axis.from, 3);
      expect(scale.at(high)).toBeCloseTo(axis.to, 3);
    }),
  );
});

test('ticks are written with the digits that tell them apart', () => {
  expect(tickDigits([0.4, 0.45])).toBe(2);
  expect(tickDigits([0.4, 0.5])).toBe(1);
  expect(tickDigits([0, 20])).toBe(0);
});

test.each([
  [1, 1, [1]],
  [1, 5, [1, 2, 3, 4, 5]],
  [1, 20, [1, 4, 6, 8, 10, 12, 14, 16, 18, 20]],
  [1, 300, [1, 50, 100, 150, 200, 250, 300]],
])('rounds %i to %i are marked at %j', (first, last, marks) => {
  expect(countScale(first, last, { from: 0, to: 100, ticks: 10 }).ticks).toEqual(marks);
});

test('runs of numbers are written as ranges', () => {
  expect(ranges([])).toBe('');
  expect(ranges([7])).toBe('7');
  expect(ranges([1, 2, 3, 6, 8, 9])).toBe('1–3, 6, 8–9');
});
