import { uniformBelow } from '../core/uniform-below.ts';

const LARGEST_SIGMA = 2 ** 40;
/** Digits of {@link bernoulli}: 2^11 times a denominator, at most 2σ, stays far below 2^53. */
const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;

/**
 * One draw of the discrete Gaussian: the integer x with probability proportional to exp(−x²/2σ²), exactly, for a whole
 * `sigma` from 1 to 2^40. Canonne, Kamath, Steinke 2020 (arXiv:2004.00010), Algorithm 3: a discrete Laplace of scale σ,
 * accepted with probability exp(−(|x| − σ)²/2σ²). Every decision compares integers below 2^53. `words` are uniform and
 * independent 32-bit words, secret where the noise must be. How long it takes depends on what is drawn.
 */
export function discreteGaussian(sigma: number, words: Iterator<number, never>): number {
  if (!Number.isInteger(sigma) || sigma < 1 || sigma > LARGEST_SIGMA) {
    throw new RangeError('the deviation is a whole number of grid steps from 1 to 2^40');
  }
  return draw(sigma, words);
}

/** `length` independent draws; whole numbers. */
export function discreteGaussianVector(length: number, sigma: number, words: Iterator<number, never>): Float64Array {
  const noise = new Float64Array(length);
  for (let i = 0; i < length; i++) noise[i] = discreteGaussian(sigma, words);
  return noise;
}

function draw(sigma: number, words: Iterator<number, never>): number {
  for (;;) {
    const x = discreteLaplace(sigma, words);
    const distance = Math.abs(Math.abs(x) - sigma);
    const whole = Math.floor(distance / sigma);
    // distance²/2σ² = whole²/2 + whole·part/σ + part²/2σ², with every factor of exp(−…) a coin of its own.
    if (halves(whole * whole, words) && gaussianPart(distance - whole * sigma, whole, sigma, words)) return x;
  }
}

/** Algorithm 2: x with probability proportional to exp(−|x|/scale). */
function discreteLaplace(scale: number, words: Iterator<number, never>): number {
  for (;;) {
    const part = uniformBelow(scale, words);
    if (!bernoulliExp(part, scale, 1, 1, words)) continue;
    let whole = 0;
    while (bernoulliExp(1, 1, 1, 1, words)) whole += 1;
    const size = part + whole * scale;
    const negative = words.next().value >= 2 ** 31;
    if (!negative) return size;
    if (size > 0) return -size;
  }
}

/** True with probability exp(−times/2). */
function halves(times: number, words: Iterator<number, never>): boolean {
  for (let i = 0; i < times; i++) if (!bernoulliExp(1, 2, 1, 1, words)) return false;
  return true;
}

/** True with probability exp(−whole·part/σ − part²/2σ²), for part < σ. */
function gaussianPart(part: number, whole: number, sigma: number, words: Iterator<number, never>): boolean {
  for (let i = 0; i < whole; i++) if (!bernoulliExp(part, sigma, 1, 1, words)) return false;
  return bernoulliExp(part, sigma, part, 2 * sigma, words);
}

/**
 * Algorithm 1: true with probability exp(−a/b · c/d), for a ≤ b, c ≤ d. Coins of probability γ, γ/2, γ/3, … are tossed
 * until one fails: the first to fail has an odd number with probability exp(−γ).
 */
function bernoulliExp(a: number, b: number, c: number, d: number, words: Iterator<number, never>): boolean {
  let k = 1;
  while (bernoulli(a, b, words) && bernoulli(c, d, words) && bernoulli(1, k, words)) k += 1;
  return k % 2 === 1;
}

/**
 * True with probability numerator/denominator: digits of a uniform number are compared with those of the fraction
 * until two differ.
 */
function bernoulli(numerator: number, denominator: number, words: Iterator<number, never>): boolean {
  if (numerator >= denominator) return true;
  for (let rest = numerator; ;) {
    const digit = words.next().value >>> (32 - DIGIT_BITS);
    // The fraction's own digit is floor(scaled/denominator).
    const scaled = rest * DIGITS;
    const drawn = digit * denominator;
    if (drawn >= scaled) return false;
    if (drawn + denominator <= scaled) return true;
    rest = scaled - drawn;
  }
}
