/** Exit codes after which starting again would only fail again: done, verification, usage, data, refused, configuration, interrupted. */
const FINAL_EXIT_CODES = new Set([0, 40, 41, 42, 64, 65, 77, 78, 130]);

export interface RestartLimits {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A program that lived this long starts again with the first delay. */
  readonly healthyAfterMs: number;
  /** Deaths in a row, each before `healthyAfterMs`, after which the chip gives up. */
  readonly maxQuickDeaths: number;
}

export const DEFAULT_RESTART_LIMITS: RestartLimits = {
  firstDelayMs: 250,
  longestDelayMs: 10_000,
  healthyAfterMs: 30_000,
  maxQuickDeaths: 10,
};

export interface Death {
  /** Null: ended by a signal. */
  readonly exitCode: number | null;
  readonly livedMs: number;
  /** Quick deaths in a row before this one. */
  readonly quickDeaths: number;
}

export type AfterDeath =
  | { readonly kind: 'restart'; readonly inMs: number; readonly quickDeaths: number }
  | { readonly kind: 'end'; readonly exitCode: number };

const EXIT_SOFTWARE = 70;

/** What the chip does when its program ended although nobody told it to. Pure. */
export function afterDeath({ exitCode, livedMs, quickDeaths }: Death, limits: RestartLimits): AfterDeath {
  if (exitCode !== null && FINAL_EXIT_CODES.has(exitCode)) return { kind: 'end', exitCode };
  const inRow = livedMs >= limits.healthyAfterMs ? 0 : quickDeaths;
  if (inRow >= limits.maxQuickDeaths) return { kind: 'end', exitCode: exitCode ?? EXIT_SOFTWARE };
  const inMs = Math.min(limits.longestDelayMs, limits.firstDelayMs * 2 ** inRow);
  return { kind: 'restart', inMs, quickDeaths: inRow + 1 };
}
