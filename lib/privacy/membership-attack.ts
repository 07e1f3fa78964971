interface Guarantee {
  readonly epsilon: number;
  readonly delta: number;
}

/**
 * Largest share of the records in the training data that anybody can recognise as members, when that may happen to
 * `falsePositiveRate` of the others (Kairouz, Oh and Viswanath 2015, theorem 2.1: both sides of the trade-off):
 * TPR ≤ e^ε · FPR + δ, and 1 − FPR ≤ e^ε · (1 − TPR) + δ. For add-or-remove neighbours this is the attack itself.
 */
export function bestTruePositiveRate({ epsilon, delta }: Guarantee, falsePositiveRate: number): number {
  const fromAbove = Math.exp(epsilon) * falsePositiveRate + delta;
  const fromBelow = 1 - Math.exp(-epsilon) * (1 - delta - falsePositiveRate);
  return Math.max(falsePositiveRate, Math.min(1, fromAbove, fromBelow));
}
