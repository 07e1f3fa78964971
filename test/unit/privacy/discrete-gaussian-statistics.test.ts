import { describe, expect, it } from 'vitest';
import { discreteGaussianVector } from '../../../lib/privacy/discrete-gaussian.ts';
import { chiSquaredLimit, chiSquaredOf } from '../../support/chi-squared.ts';
import { seededWords } from '../../support/words.ts';

const DRAWS = 200_000;
const draws = (sigma: number, seed: number, length = DRAWS): Float64Array =>
  discreteGaussianVector(length, sigma, seededWords(seed));

/** Bins of a quarter σ, at least 1, from −4σ to 4σ, with all beyond in the outermost; probabilities summed exactly. */
function binsOf(sigma: number): { readonly indexOf: (x: number) => number; readonly probabilities: number[] } {
  const width = Math.max(1, Math.floor(sigma / 4));
  const outermost = Math.ceil((4 * sigma) / width);
  const indexOf = (x: number): number =>
    outermost + Math.max(-outermost, Math.min(outermost, Math.floor((x + width / 2) / width)));
  const masses = new Array<number>(2 * outermost + 1).fill(0);
  for (let x = -9 * sigma; x <= 9 * sigma; x++) {
    masses[indexOf(x)] = (masses[indexOf(x)] ?? NaN) + Math.exp(-(x * x) / (2 * sigma * sigma));
  }
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  return { indexOf, probabilities: masses.map((mass) => mass / total) };
}

/** Which statistics of the sample chance does not explain, were it drawn with deviation `sigma`. */
function faultsOf(sample: Float64Array, sigma: number): string[] {
  const { indexOf, probabilities } = binsOf(sigma);
  const counts = probabilities.map(() => 0);
  let [sum, squares] = [0, 0];
  for (const x of sample) {
    counts[indexOf(x)] = (counts[indexOf(x)] ?? NaN) + 1;
    sum += x / sigma;
    squares += (x / sigma) ** 2;
  }
  const n = sample.length;
  const expected = probabilities.map((probability) => probability * n);
  const faults = [];
  if (!(chiSquaredOf(counts, expected) < chiSquaredLimit(counts.length - 1))) faults.push('distribution');
  if (!(Math.abs(sum / n) < 4.5 / Math.sqrt(n))) faults.push('mean');
  // From σ = 2 on the variance of the discrete Gaussian is σ² to 14 digits.
  if (!(Math.abs(squares / n - 1) < 4.5 * Math.sqrt(2 / n))) faults.push('variance');
  return faults;
}

describe('discreteGaussianVector', () => {
  it.each([2, 3, 7, 1000])('draws with deviation %i as the exact probabilities say', (sigma) => {
    expect(faultsOf(draws(sigma, 11), sigma)).toEqual([]);
    expect(faultsOf(draws(sigma, 12), sigma)).toEqual([]);
  });

  it.each([2, 7, 1000])('a deviation of σ², or of half of σ, would be noticed at %i', (sigma) => {
    expect(faultsOf(draws(sigma ** 2, 13), sigma)).toEqual(expect.arrayContaining(['distribution', 'variance']));
    expect(faultsOf(draws(Math.ceil(sigma / 2), 14), sigma)).toEqual(
      expect.arrayContaining(['distribution', 'variance']),
    );
  });

  it('a deviation 2 % off, or noise that leans to one side, would be noticed', () => {
    expect(faultsOf(draws(1020, 15), 1000)).toContain('variance');
    const leaning = draws(1000, 15).map((x) => x + 25);
    expect(faultsOf(leaning, 1000)).toContain('mean');
  });

  it.each([2 ** 20, 2 ** 33 + 7, 2 ** 40])('fills the last digits of the large deviation %i evenly', (sigma) => {
    const counts = new Array<number>(16).fill(0);
    const sample = draws(sigma, 16, 50_000);
    expect(sample.every(Number.isSafeInteger)).toBe(true);
    for (const x of sample) {
      const last = ((x % 16) + 16) % 16;
      counts[last] = (counts[last] ?? NaN) + 1;
    }
    expect(chiSquaredOf(counts, new Array<number>(16).fill(50_000 / 16))).toBeLessThan(chiSquaredLimit(15));
  });

  it.each([2 ** 20, 2 ** 33 + 7, 2 ** 40])(
    'draws with the large deviation %i as the exact probabilities say',
    (sigma) => {
      const sample = draws(sigma, 17);
      // In units of 2^-10 σ the probabilities are those of σ = 1024, to 7 digits.
      expect(
        faultsOf(
          sample.map((x) => Math.round((x * 1024) / sigma)),
          1024,
        ),
      ).toEqual([]);
    },
  );

  it('correlates neither with the draw before nor with the other sign', () => {
    const sample = draws(7, 18);
    let product = 0;
    for (let i = 1; i < sample.length; i++) product += ((sample[i] ?? NaN) * (sample[i - 1] ?? NaN)) / 49;
    expect(Math.abs(product / DRAWS)).toBeLessThan(4.5 / Math.sqrt(DRAWS));
    expect(sample.some((x) => Object.is(x, -0))).toBe(false);
  });
});
