import { INTEGER_ORDERS, rdpOfSubsampledGaussian, type SubsampledGaussian } from './rdp.ts';

/** `count` steps of one mechanism, each with a sample and noise of its own. */
export interface Composed extends SubsampledGaussian {
  /** A whole number, 0 or more. */
  readonly count: number;
}

/** Nearer to order 1 the conversion is useless and its terms cancel. */
const LEAST_ORDER = 1.01;

/**
 * The ε at which all `events` together are (ε, δ)-differentially private. RDP adds up under composition, even where
 * later mechanisms are chosen after seeing earlier results; it is converted at the best of `orders`. 0 for nothing,
 * Infinity where a step without noise is counted.
 */
export function epsilonOf(events: readonly Composed[], delta: number, orders = INTEGER_ORDERS): number {
  for (const { count } of events) {
    if (!Number.isSafeInteger(count) || count < 0) throw new RangeError('a count is a whole number, 0 or more');
  }
  const counted = events.filter(({ count }) => count > 0);
  const rdpAt = (order: number): number =>
    counted.reduce((sum, event) => sum + event.count * rdpOfSubsampledGaussian(event, order), 0);
  return counted.length === 0 ? 0 : epsilonFromRdp(rdpAt, delta, orders);
}

/**
 * From RDP to the smallest ε over `orders`, never below 0: Canonne, Kamath, Steinke 2020 (arXiv:2004.00010),
 * Proposition 12. Exactly 0 where the RDP, which is at least the KL divergence, keeps the total variation below δ
 * (Bretagnolle and Huber). Orders up to 1.01 are left out; Infinity if none is left.
 */
export function epsilonFromRdp(rdpAt: (order: number) => number, delta: number, orders: readonly number[]): number {
  if (!(delta > 0 && delta < 1)) throw new RangeError('δ lies between 0 and 1');
  let least = Infinity;
  for (const order of orders) {
    if (order <= LEAST_ORDER) continue;
    const rdp = rdpAt(order);
    if (delta ** 2 + Math.expm1(-rdp) > 0) return 0;
    least = Math.min(least, rdp + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1));
  }
  return Math.max(0, least);
}
