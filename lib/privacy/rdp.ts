/** One step of the Gaussian mechanism on a Poisson sample; neighbours differ by one unit added or removed. */
export interface SubsampledGaussian {
  /** Probability in (0, 1] with which each unit is in a step, independently. */
  readonly samplingRate: number;
  /** Standard deviation of the noise / L2 sensitivity to one unit; 0: no noise at all. */
  readonly noiseMultiplier: number;
}

/** Below this size of α·u the direct form of {@link bernoulliExcess} would cancel. */
const SERIES_BELOW = 0.5;
/** Beyond this many standard deviations the integrand adds less than 1e-19 of the integral. */
const TAIL_DEVIATIONS = 10;
/** With less noise the integral would need millions of points. */
const LEAST_NOISE_INTEGRATED = 0.01;

/** Orders at which RDP also holds for the discrete Gaussian: all up to 64, then about five for each doubling. */
export const INTEGER_ORDERS: readonly number[] = [
  ...Array.from({ length: 63 }, (_, i) => i + 2),
  ...[72, 80, 96, 112, 128, 144, 168, 192, 224, 256, 296, 336, 384, 448, 512, 592, 672, 768, 896, 1024],
];

/**
 * Rényi differential privacy of one step at `order` (a real number above 1), the larger of both directions: Mironov,
 * Talwar, Zhang 2019 (arXiv:1908.10530), Theorem 5 and §3.3. Accurate to about 1e-12 of its value. At integer orders
 * it bounds the discrete Gaussian on the integers as well: its moments are at most those of the continuous one (Canonne,
 * Kamath, Steinke 2020) and it has the symmetry that Theorem 5 asks for; at fractional orders that is not proven.
 * Infinity without noise. Throws a RangeError outside these domains, and for a fractional order below a multiplier of
 * 0.01.
 */
export function rdpOfSubsampledGaussian({ samplingRate, noiseMultiplier }: SubsampledGaussian, order: number): number {
  if (!(samplingRate > 0 && samplingRate <= 1)) throw new RangeError('a sampling rate lies above 0 and up to 1');
  if (!(noiseMultiplier >= 0)) throw new RangeError('a noise multiplier is 0 or more');
  if (!(order > 1 && order < Infinity)) throw new RangeError('an order of RDP lies above 1');
  if (samplingRate === 1) return order / (2 * noiseMultiplier ** 2);
  const precision = noiseMultiplier ** -2;
  if (precision === Infinity) return Infinity;
  const logExcess = Number.isInteger(order)
    ? binomialExcess(samplingRate, precision, order)
    : integratedExcess(samplingRate, precision, order);
  return softplus(logExcess) / (order - 1);
}

/**
 * ln(A − 1) of §3.3: Σ C(α, i) (1−q)^(α−i) q^i (exp((i² − i)/2σ²) − 1). With the 1 taken off each term, all terms are
 * positive and nothing cancels where A is close to 1.
 */
function binomialExcess(q: number, precision: number, order: number): number {
  const [logIn, logOut] = [Math.log(q), Math.log1p(-q)];
  const terms: number[] = [];
  let logChoose = Math.log(order);
  for (let i = 2; i <= order; i++) {
    logChoose += Math.log((order - i + 1) / i);
    terms.push(logChoose + (order - i) * logOut + i * logIn + logExpm1((precision * i * (i - 1)) / 2));
  }
  return logSum(terms);
}

/**
 * ln(A − 1) = ln E[(1 + u)^α − 1 − αu], where u = q (exp((2x − 1)/2σ²) − 1), x is normal with deviation σ, and E[u] = 0.
 * The integrand is positive (Bernoulli) and analytic in |Im x| < πσ², so the trapezoidal rule with steps of σ²/2, at
 * most σ/2, is as exact as the arithmetic.
 */
function integratedExcess(q: number, precision: number, order: number): number {
  const sigma = precision ** -0.5;
  if (sigma < LEAST_NOISE_INTEGRATED) throw new RangeError('fractional orders need a noise multiplier of 0.01 or more');
  const step = Math.min(0.5, sigma / 2);
  const last = Math.ceil((order / sigma + TAIL_DEVIATIONS) / step);
  const terms: number[] = [];
  for (let k = -Math.ceil(TAIL_DEVIATIONS / step); k <= last; k++) {
    const deviations = k * step;
    const exponent = deviations / sigma - precision / 2;
    terms.push(bernoulliExcess(q, exponent, order) - deviations ** 2 / 2);
  }
  return logSum(terms) + Math.log(step / Math.sqrt(2 * Math.PI));
}

/** ln((1 + u)^α − 1 − αu) for u = q (e^exponent − 1). */
function bernoulliExcess(q: number, exponent: number, order: number): number {
  const u = q * Math.expm1(exponent);
  if (Math.abs(u) * order < SERIES_BELOW) {
    let term = order * u;
    let sum = 0;
    for (let k = 2; k < 40; k++) {
      term *= ((order - k + 1) / k) * u;
      sum += term;
    }
    return Math.log(sum);
  }
  // e^exponent may overflow; ln(1 + u) does not.
  const logRatio = u < Infinity ? Math.log1p(u) : exponent + Math.log(q);
  const logPower = order * logRatio;
  return logPower > 1
    ? logPower + Math.log1p((order - 1) * Math.exp(-logPower) - order * Math.exp(logRatio - logPower))
    : Math.log(Math.expm1(logPower) - order * u);
}

/** ln(e^x − 1) for x ≥ 0; −Infinity at 0. */
const logExpm1 = (x: number): number => (x > 1 ? x + Math.log1p(-Math.exp(-x)) : Math.log(Math.expm1(x)));

/** ln(1 + e^x). */
const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

/** ln Σ e^term. */
function logSum(terms: readonly number[]): number {
  const largest = terms.reduce((most, term) => Math.max(most, term), -Infinity);
  if (!Number.isFinite(largest)) return largest;
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}
