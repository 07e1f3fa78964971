const WORD_COUNT = 2 ** 32;
const MOST_ROWS = 2 ** 31;

/**
 * A Poisson sample: each of the rows 0 … rows − 1 independently with probability `rate` in (0, 1], ascending; may be
 * empty. `words` are uniform and independent 32-bit words, secret where the sample must be. The probability is the
 * double `rate` itself, not a rounding of it.
 */
export function poissonSample(rows: number, rate: number, words: Iterator<number, never>): Int32Array {
  if (!Number.isInteger(rows) || rows < 0 || rows > MOST_ROWS) throw new RangeError('rows are counted from 0 to 2^31');
  if (!(rate > 0 && rate <= 1)) throw new RangeError('a sampling rate lies above 0 and up to 1');
  const drawn: number[] = [];
  for (let row = 0; row < rows; row++) if (isDrawn(rate, words)) drawn.push(row);
  return Int32Array.from(drawn);
}

/** Compares a uniform number with `rate`, 32 binary digits at a time, until they differ; a double's digits end. */
function isDrawn(rate: number, words: Iterator<number, never>): boolean {
  for (let rest = rate; rest > 0;) {
    const scaled = rest * WORD_COUNT;
    const digit = Math.floor(scaled);
    const word = words.next().value;
    if (word !== digit) return word < digit;
    rest = scaled - digit;
  }
  return false;
}
