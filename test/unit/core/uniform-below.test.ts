import { describe, expect, it } from 'vitest';
import { uniformBelow } from '../../../lib/core/uniform-below.ts';
import { wordsOf } from '../../support/words.ts';

const TOP = 2 ** 32 - 1;

describe('uniformBelow', () => {
  it('throws away the words that would favour small numbers', () => {
    // 2^32 % 10 = 6: the last six words are refused.
    expect(uniformBelow(10, wordsOf(TOP, TOP - 5, TOP - 6))).toBe((TOP - 6) % 10);
    expect(uniformBelow(10, wordsOf(TOP - 6))).toBe(9);
    expect(uniformBelow(2 ** 32, wordsOf(TOP))).toBe(TOP);
    expect(uniformBelow(1, wordsOf(TOP))).toBe(0);
  });

  it('takes two words where one is too few', () => {
    // 21 bits of the first word stand above the second.
    expect(uniformBelow(2 ** 53, wordsOf(TOP, TOP))).toBe(2 ** 53 - 1);
    expect(uniformBelow(2 ** 53, wordsOf(3 * 2 ** 11 + 2047, 5))).toBe(3 * 2 ** 32 + 5);
    expect(uniformBelow(2 ** 32 + 1, wordsOf(2 ** 11, 2))).toBe(1);
    const bound = 2 ** 40 + 1;
    const beyond = 2 ** 53 % bound;
    expect(beyond).toBeLessThan(2 ** 41);
    // The first number beyond the last multiple of the bound, then the last one below it.
    const first = 2 ** 53 - beyond;
    const pair = (drawn: number): number[] => [Math.floor(drawn / 2 ** 32) * 2 ** 11, drawn % 2 ** 32];
    expect(uniformBelow(bound, wordsOf(...pair(first), ...pair(first - 1)))).toBe(bound - 1);
  });

  it('refuses bounds that words cannot reach', () => {
    for (const bound of [0, -1, 1.5, NaN, 2 ** 53 + 2]) {
      expect(() => uniformBelow(bound, wordsOf(0, 0))).toThrow(RangeError);
    }
  });
});
