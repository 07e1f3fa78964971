/** One measurement of something that should not grow. */
export interface Sample {
  readonly round: number;
  /** Samples of one life of one program share it: a process that starts again starts anew. */
  readonly life: string;
  readonly value: number;
}

export interface Growth {
  /** Per round, of the line through all lives: one slope, a height for each life (least squares). */
  readonly perRound: number;
  /** Standard error of `perRound`. */
  readonly standardError: number;
  /** Standard deviation of the samples around the line. */
  readonly noise: number;
  readonly samples: number;
  readonly lives: number;
  readonly first: number;
  readonly last: number;
}

/** null where there are too few samples to fit a line and say how well it fits. Pure. */
export function growthOf(samples: readonly Sample[]): Growth | null {
  const lives = Map.groupBy(samples, ({ life }) => life);
  let [sxx, sxy, syy, counted, heights] = [0, 0, 0, 0, 0];
  for (const own of lives.values()) {
    if (own.length < 2) continue;
    const x = mean(own.map(({ round }) => round));
    const y = mean(own.map(({ value }) => value));
    for (const { round, value } of own) {
      sxx += (round - x) ** 2;
      sxy += (round - x) * (value - y);
      syy += (value - y) ** 2;
    }
    counted += own.length;
    heights += 1;
  }
  const freedom = counted - heights - 1;
  if (freedom < 1 || sxx === 0) return null;
  const perRound = sxy / sxx;
  const variance = Math.max(0, syy - perRound * sxy) / freedom;
  return {
    perRound,
    standardError: Math.sqrt(variance / sxx),
    noise: Math.sqrt(variance),
    samples: counted,
    lives: heights,
    first: samples[0]?.value ?? 0,
    last: samples.at(-1)?.value ?? 0,
  };
}

export interface Limit {
  /** Rounds that the growth is judged over. */
  readonly rounds: number;
  /** What may be added in each round, because it is meant to. */
  readonly perRound: number;
  /** What does not count as growth over all rounds together. */
  readonly tolerance: number;
}

/** Beyond what is meant, beyond the tolerance, and beyond chance (two standard errors). */
export const growsTooMuch = ({ perRound, standardError }: Growth, limit: Limit): boolean =>
  (perRound - 2 * standardError - limit.perRound) * limit.rounds > 0 &&
  (perRound - limit.perRound) * limit.rounds > limit.tolerance;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
