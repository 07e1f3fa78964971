import { describe, expect, it } from 'vitest';
import { discreteGaussian, discreteGaussianVector } from '../../../lib/privacy/discrete-gaussian.ts';
import { seededWords, wordsOf } from '../../support/words.ts';

describe('discreteGaussian', () => {
  const draws = (seed: number, length: number): Float64Array => discreteGaussianVector(length, 7, seededWords(seed));

  it('is the same for the same seed and another for another', () => {
    expect(draws(19, 100)).toEqual(draws(19, 100));
    expect(draws(19, 100)).not.toEqual(draws(20, 100));
    expect(draws(19, 0)).toEqual(new Float64Array(0));
  });

  it.each([0, -3, 2.5, NaN, Infinity, 2 ** 40 + 1])('throws for a deviation of %f', (sigma) => {
    expect(() => discreteGaussian(sigma, wordsOf())).toThrow(/2\^40/);
  });

  it('takes deviations up to 2^40', () => {
    expect(Number.isSafeInteger(discreteGaussian(2 ** 40, seededWords(20)))).toBe(true);
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
