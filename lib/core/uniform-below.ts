const WORD_COUNT = 2 ** 32;
/** Two words give a number below this, the largest that doubles count up to one by one. */
const PAIR_COUNT = 2 ** 53;

/**
 * Uniform in 0 … bound − 1, for a bound up to 2^53, from uniform 32-bit words: one for each try, two for a bound above
 * 2^32. What lies beyond the last whole multiple of `bound` is thrown away, so without bias.
 */
export function uniformBelow(bound: number, words: Iterator<number, never>): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > PAIR_COUNT) {
    throw new RangeError('uniformBelow takes a bound from 1 to 2^53');
  }
  const wide = bound > WORD_COUNT;
  const count = wide ? PAIR_COUNT : WORD_COUNT;
  const accepted = count - (count % bound);
  for (;;) {
    const high = wide ? (words.next().value >>> 11) * WORD_COUNT : 0;
    const drawn = high + words.next().value;
    if (drawn < accepted) return drawn % bound;
  }
}
