import { describe, expect, it } from 'vitest';
import { shuffledBatches } from '../../../lib/learning/batch-source.ts';
import { poissonSample } from '../../../lib/privacy/poisson-sample.ts';
import { chiSquaredLimit, chiSquaredOf } from '../../support/chi-squared.ts';
import { seededWords, wordsOf } from '../../support/words.ts';

const ROWS = 24;
const RATE = 0.25;
const STEPS = 20_000;

function binomial(n: number, p: number): number[] {
  let mass = (1 - p) ** n;
  return Array.from({ length: n + 1 }, (_, k) => {
    const here = mass;
    mass *= ((n - k) / (k + 1)) * (p / (1 - p));
    return here;
  });
}

/** Whether `count` of `trials` is far from what probability `p` gives. */
const isUnlikely = (count: number, trials: number, p: number): boolean =>
  Math.abs(count - trials * p) > 4.5 * Math.sqrt(trials * p * (1 - p));

/** Which properties of Poisson sampling the batches of `STEPS` steps lack. */
function faultsOf(batchAt: (step: number) => Int32Array): string[] {
  const sizes = new Array<number>(ROWS + 1).fill(0);
  const inclusions = new Array<number>(ROWS).fill(0);
  let [pairs, repeats, ascending] = [0, 0, true];
  let before = new Set<number>();
  for (let step = 0; step < STEPS; step++) {
    const batch = batchAt(step);
    sizes[batch.length] = (sizes[batch.length] ?? NaN) + 1;
    for (const row of batch) inclusions[row] = (inclusions[row] ?? NaN) + 1;
    ascending &&= batch.every((row, i) => i === 0 || row > (batch[i - 1] ?? NaN));
    const members = new Set(batch);
    if (members.has(3) && members.has(17)) pairs += 1;
    if (members.has(5) && before.has(5)) repeats += 1;
    before = members;
  }
  const faults = [];
  if (!ascending) faults.push('order');
  if (inclusions.some((count) => isUnlikely(count, STEPS, RATE))) faults.push('rate of a row');
  const expected = binomial(ROWS, RATE).map((mass) => mass * STEPS);
  // Sizes beyond 15 together: less than one is expected of each.
  const grouped = (counts: readonly number[]): number[] => [
    ...counts.slice(0, 15),
    counts.slice(15).reduce((sum, count) => sum + count, 0),
  ];
  if (!(chiSquaredOf(grouped(sizes), grouped(expected)) < chiSquaredLimit(15))) faults.push('batch sizes');
  if (isUnlikely(pairs, STEPS, RATE ** 2)) faults.push('two rows together');
  if (isUnlikely(repeats, STEPS - 1, RATE ** 2)) faults.push('one row twice running');
  return faults;
}

describe('poissonSample', () => {
  it('draws each row independently of the others and of the step before', () => {
    const words = seededWords(21);
    expect(faultsOf(() => poissonSample(ROWS, RATE, words))).toEqual([]);
  });

  it('shuffled batches, fixed batches and another rate would be noticed', () => {
    const words = seededWords(22);
    const shuffled = shuffledBatches({ rows: ROWS, batchSize: ROWS * RATE, seed: new Uint8Array(32).fill(23) });
    const found = faultsOf((step) => shuffled(step)?.toSorted() ?? new Int32Array(0));
    expect(found).toEqual(['batch sizes', 'two rows together', 'one row twice running']);
    // A fresh shuffle for each step: independent steps, but still batches of one size.
    const fixed = faultsOf((step) => {
      const seed = new Uint8Array(32);
      new DataView(seed.buffer).setUint32(0, step);
      return shuffledBatches({ rows: ROWS, batchSize: ROWS * RATE, seed })(0)?.toSorted() ?? new Int32Array(0);
    });
    expect(fixed).toEqual(['batch sizes', 'two rows together']);
    expect(faultsOf(() => poissonSample(ROWS, RATE * 1.06, words))).toContain('rate of a row');
  });

  it('may be empty, and takes every row at rate 1', () => {
    const words = seededWords(24);
    expect(poissonSample(5, 1e-9, words)).toEqual(new Int32Array(0));
    expect(poissonSample(0, 0.5, words)).toEqual(new Int32Array(0));
    expect(poissonSample(4, 1, wordsOf(0, 2 ** 32 - 1, 2 ** 31, 7))).toEqual(Int32Array.of(0, 1, 2, 3));
  });

  it('decides by every binary digit of the rate', () => {
    const isDrawn = (rate: number, ...words: number[]): boolean => {
      const source = wordsOf(...words, 4242);
      const drawn = poissonSample(1, rate, source).length === 1;
      expect(source.next().value).toBe(4242);
      return drawn;
    };
    expect(isDrawn(0.5, 2 ** 31 - 1)).toBe(true);
    expect(isDrawn(0.5, 2 ** 31)).toBe(false);
    // 0.1 is the double 429496729.600000023841858 / 2^32, whose second digit ends it.
    const [first, second] = [429_496_729, 2_576_980_480];
    expect(0.1).toBe(first / 2 ** 32 + second / 2 ** 64);
    expect(isDrawn(0.1, first - 1)).toBe(true);
    expect(isDrawn(0.1, first + 1)).toBe(false);
    expect(isDrawn(0.1, first, second - 1)).toBe(true);
    expect(isDrawn(0.1, first, second)).toBe(false);
    expect(isDrawn(2 ** -70, 0, 0, 2 ** 26 - 1)).toBe(true);
    expect(isDrawn(2 ** -70, 0, 0, 2 ** 26)).toBe(false);
    expect(isDrawn(1 - 2 ** -53, 2 ** 32 - 1, 2 ** 32 - 2 ** 11 - 1)).toBe(true);
    expect(isDrawn(1 - 2 ** -53, 2 ** 32 - 1, 2 ** 32 - 2 ** 11)).toBe(false);
  });

  it('begins with as many rows as it can number', () => {
    expect(() => poissonSample(2 ** 31, 0.5, wordsOf(1, 2, 3))).toThrow(/more words/);
  });

  it('spends the words row by row', () => {
    expect(poissonSample(5, 0.5, wordsOf(2 ** 31, 0, 2 ** 32 - 1, 1, 2))).toEqual(Int32Array.of(1, 3, 4));
  });

  it.each([
    [-1, 0.5],
    [1.5, 0.5],
    [2 ** 31 + 1, 0.5],
    [5, 0],
    [5, -0.1],
    [5, 1.01],
    [5, NaN],
  ])('throws for %f rows at rate %f', (rows, rate) => {
    expect(() => poissonSample(rows, rate, wordsOf())).toThrow(RangeError);
  });
});
