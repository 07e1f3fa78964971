/** Pearson's statistic of counts against their expected values. */
export const chiSquaredOf = (counts: readonly number[], expected: readonly number[]): number =>
  counts.reduce((sum, count, i) => sum + (count - (expected[i] ?? NaN)) ** 2 / (expected[i] ?? NaN), 0);

/** What chance alone exceeds once in 100,000 times: Wilson and Hilferty's approximation. */
export function chiSquaredLimit(degreesOfFreedom: number): number {
  const spread = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - spread + 4.265 * Math.sqrt(spread)) ** 3;
}
