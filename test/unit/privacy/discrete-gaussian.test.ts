import { describe, expect, it } from 'vitest';
import { discreteGaussian, discreteGaussianVector } from '../../../lib/privacy/discrete-gaussian.ts';
import { chiSquaredLimit, chiSquaredOf } from '../../support/chi-squared.ts';
import { seededWords, wordsOf } from '../../support/words.ts';

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

describe('discreteGaussian', () => {
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

  it('is the same for the same seed and another for another', () => {
    expect(draws(7, 19, 100)).toEqual(draws(7, 19, 100));
    expect(draws(7, 19, 100)).not.toEqual(draws(7, 20, 100));
    expect(draws(7, 19, 0)).toEqual(new Float64Array(0));
  });

  it.each([0, -3, 2.5, NaN, Infinity, 2 ** 40 + 1])('throws for a deviation of %f', (sigma) => {
    expect(() => discreteGaussian(sigma, wordsOf())).toThrow(/2\^40/);
  });
});

describe('the coins of discreteGaussian', () => {
  /** The top 11 bits of a word are a coin's digit. */
  const digit = (value: number): number => value * 2 ** 21 + 12_345;
  const heads = digit(0);
  const tails = digit(2047);
  /** Tossed where the probability is 0. */
  const never = heads;
  const plus = 2 ** 31 - 1;
  const minus = 2 ** 31;
  /** With deviation 3, gives 0. */
  const zero = [0, never, tails, plus, tails, never, never];

  const drawn = (sigma: number, ...script: number[]): number => {
    const words = wordsOf(...script, 4242);
    const x = discreteGaussian(sigma, words);
    expect(words.next().value).toBe(4242);
    return x;
  };

  it('decide by the first digit that differs from the fraction', () => {
    // Part 1 of 3 is kept where a coin of 1/3 fails; the digits of 1/3 are 682, 1365, 682, …
    const kept = (...coin: number[]): number => drawn(3, 1, ...coin, tails, plus, tails);
    expect(kept(digit(683))).toBe(1);
    expect(kept(digit(682), digit(1366))).toBe(1);
    expect(kept(digit(682), digit(1365), digit(683))).toBe(1);
    // Where it succeeds the next, of 1/3 · 1/2, decides; failing, it has the part thrown away.
    const thrownAway = (...coin: number[]): number => drawn(3, 1, ...coin, tails, ...zero);
    expect(thrownAway(digit(681))).toBe(0);
    expect(thrownAway(digit(682), digit(1364))).toBe(0);
    expect(thrownAway(digit(682), digit(1365), digit(681))).toBe(0);
    // The third in a row to succeed keeps the part after all.
    expect(drawn(3, 1, heads, heads, heads, tails, tails, plus, tails)).toBe(1);
  });

  it('take a digit that is exactly the fraction as beyond it', () => {
    // exp(−1) for another whole σ: a coin of 1/2, whose digits are 1024, 0, 0, …
    expect(drawn(3, 1, tails, digit(1024), plus, tails)).toBe(1);
    expect(drawn(3, 1, tails, digit(1023), tails, tails, plus, tails)).toBe(4);
  });

  it('draw nothing anew where it is negative', () => {
    expect(drawn(3, 0, never, tails, minus, ...zero)).toBe(0);
    expect(drawn(3, 1, tails, tails, minus, tails)).toBe(-1);
  });

  it('accept by the distance from σ in units of σ, its square halved', () => {
    // 1: part 2 of 3 times 2 of 6, no whole σ. Refused where the first coin succeeds and the second fails.
    expect(drawn(3, 1, tails, tails, plus, digit(1364), digit(681), tails, ...zero)).toBe(0);
    expect(drawn(3, 1, tails, tails, plus, digit(1364), digit(683))).toBe(1);
    expect(drawn(3, 1, tails, tails, plus, digit(1366))).toBe(1);
    // 10 = 1 + 3·3: two whole σ and 1 beyond. Four coins of exp(−1/2), two of exp(−1/3), one of exp(−1/18).
    const more = [digit(1023), tails];
    const ten = [1, tails, ...more, ...more, ...more, tails, plus];
    expect(drawn(3, ...ten, tails, tails, tails, tails, tails, tails, tails)).toBe(10);
    expect(drawn(3, ...ten, tails, tails, tails, digit(1023), tails, ...zero)).toBe(0);
    expect(drawn(3, ...ten, tails, tails, tails, tails, tails, digit(681), tails, ...zero)).toBe(0);
    expect(drawn(3, ...ten, tails, tails, tails, tails, tails, tails, digit(681), digit(340), tails, ...zero)).toBe(0);
  });
});
