/** Predictions for rows with a 0/1 label. Differing lengths and probabilities that are not finite throw RangeError. */
export interface Scored {
  /** Probability of label 1, one per row. */
  readonly probabilities: ArrayLike<number>;
  /** 0 or 1, one per row. */
  readonly labels: ArrayLike<number>;
}

/** float32's machine epsilon: predictions come as float32, so nothing closer to 0 or 1 can be told apart. */
const PROBABILITY_FLOOR = 2 ** -23;

/** Share of rows on the right side of `threshold` (probability ≥ threshold counts as 1); null without rows. */
export function accuracy(scored: Scored, threshold = 0.5): number | null {
  return meanOverRows(scored, (probability, label) => (probability >= threshold === (label === 1) ? 1 : 0));
}

/** Mean −log probability of the true label, in nats, probabilities clamped to [2^-23, 1 − 2^-23]; null without rows. */
export function logLoss(scored: Scored): number | null {
  return meanOverRows(scored, (probability, label) => {
    const ofTruth = label === 1 ? probability : 1 - probability;
    return -Math.log(Math.min(1 - PROBABILITY_FLOOR, Math.max(PROBABILITY_FLOOR, ofTruth)));
  });
}

/** Mean squared difference of probability and label (Brier 1950), 0 … 1; null without rows. */
export function brierScore(scored: Scored): number | null {
  return meanOverRows(scored, (probability, label) => (probability - label) ** 2);
}

/**
 * Area under the ROC curve: the chance that a random positive row scores above a random negative one, ties counting
 * half (Mann–Whitney with mid-ranks); null unless both labels occur.
 */
export function areaUnderRoc({ probabilities, labels }: Scored): number | null {
  check({ probabilities, labels });
  const order = Array.from({ length: labels.length }, (_, row) => row).sort(
    (a, b) => (probabilities[a] ?? 0) - (probabilities[b] ?? 0),
  );
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    let tiedPositives = 0;
    while (end < order.length && probabilities[order[end] ?? 0] === probabilities[order[start] ?? 0]) {
      if (labels[order[end] ?? 0] === 1) tiedPositives++;
      end++;
    }
    rankSum += tiedPositives * ((start + 1 + end) / 2);
    positives += tiedPositives;
    start = end;
  }
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

function meanOverRows(scored: Scored, term: (probability: number, label: number) => number): number | null {
  check(scored);
  const { probabilities, labels } = scored;
  let sum = 0;
  for (let row = 0; row < labels.length; row++) sum += term(probabilities[row] ?? 0, labels[row] ?? 0);
  return labels.length === 0 ? null : sum / labels.length;
}

function check({ probabilities, labels }: Scored): void {
  if (probabilities.length !== labels.length) throw new RangeError('probabilities and labels differ in length');
  for (let row = 0; row < probabilities.length; row++) {
    if (!Number.isFinite(probabilities[row])) throw new RangeError('a probability is not finite');
  }
}
