import type { Grid } from '../contract/grid.ts';
import { euclideanNorm, NORM_MARGIN, roundHalfToEven } from './quantise.ts';

/**
 * Puts a sum that will get noise on the contract's grid: projected onto an L2 ball, then onto the box ±B, rounded half to
 * even; every sum takes this one path. Projections onto convex sets are non-expansive, so that two sums are afterwards at
 * most as far apart as before, plus √d steps of rounding, which is what the noise counts on (`mechanismOf`). `toGrid`
 * does not promise that: it rounds a sum near the bound in another way.
 *
 * @param sum in parameter units
 * @returns int32 steps of 2^stepLog2; their L2 norm never exceeds `grid.l2Bound`, because the ball leaves room for √d/2
 *   steps of rounding (a bound below that gives zeros). Throws for a sum that is not finite: clipped sums are
 */
export function projectToGrid(sum: Float64Array, grid: Grid): Int32Array {
  const steps = sum.map((value) => value * 2 ** -grid.stepLog2);
  const norm = euclideanNorm(steps);
  if (!Number.isFinite(norm)) throw new RangeError('a clipped sum is finite');
  const radius = Math.max(0, grid.l2Bound * NORM_MARGIN - Math.sqrt(sum.length) / 2);
  const shrink = norm > radius ? radius / norm : 1;
  const bound = grid.coordinateBound;
  return Int32Array.from(steps, (value) => roundHalfToEven(Math.min(bound, Math.max(-bound, value * shrink))));
}
