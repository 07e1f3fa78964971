import type { Grid } from '../contract/grid.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { isWithinNorm } from './integer-norm.ts';

/** Larger than the float64 error of summing 2^32 squares, so that vectors scaled by it are truly inside the bound. */
export const NORM_MARGIN = 1 - 2 ** -20;

/**
 * Puts an update on the contract's grid (PROTOCOL §6, §7.5): scales it to the L2 bound if it is longer, clips each
 * coordinate to ±B, rounds half to even. The integer vector's L2 norm, rounding included, never exceeds `grid.l2Bound`:
 * where rounding would carry it over, coordinates are rounded towards zero instead.
 *
 * @param delta trained weights minus parent weights
 * @returns int32 steps of 2^stepLog2; E-TRAINING-DIVERGED when a coordinate or the norm is not finite
 */
export function toGrid(delta: Float64Array | Float32Array, grid: Grid): Result<Int32Array, Refusal> {
  const norm = euclideanNorm(delta);
  if (!Number.isFinite(norm)) return err(refusal('E-TRAINING-DIVERGED', 'the update is not finite'));
  const bound = grid.l2Bound * 2 ** grid.stepLog2;
  const shrink = norm > bound ? bound / norm : 1;
  const rounded = onGrid(delta, grid, { shrink, round: roundHalfToEven });
  if (isWithinNorm(rounded, grid.l2Bound)) return ok(rounded);
  return ok(onGrid(delta, grid, { shrink: shrink * NORM_MARGIN, round: Math.trunc }));
}

interface Rounding {
  readonly shrink: number;
  readonly round: (value: number) => number;
}

function onGrid(delta: Float64Array | Float32Array, grid: Grid, { shrink, round }: Rounding): Int32Array {
  const stepsPerUnit = 2 ** -grid.stepLog2;
  const out = new Int32Array(delta.length);
  delta.forEach((value, i) => {
    const steps = value * shrink * stepsPerUnit;
    out[i] = round(Math.min(grid.coordinateBound, Math.max(-grid.coordinateBound, steps)));
  });
  return out;
}

/** Scaled by the largest magnitude, so that squares neither overflow nor vanish. NaN in gives NaN out. */
export function euclideanNorm(vector: Float64Array | Float32Array): number {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const value of vector) sum += (value / largest) ** 2;
  return largest * Math.sqrt(sum);
}

export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
