import { z } from 'zod';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { positiveInteger } from './shapes.ts';

const INT32_MAX = 0x7fff_ffff;

/** Updates as integers (PROTOCOL §6): a coordinate `v` of an update stands for `v · 2^stepLog2`. */
export const grid = z.strictObject({
  /** The step is 2^stepLog2. */
  stepLog2: z.number().int().min(-40).max(0),
  /** B: largest absolute coordinate, in steps. */
  coordinateBound: positiveInteger.max(INT32_MAX),
  /** W: largest integer weight of one site. */
  weightCap: positiveInteger.max(INT32_MAX),
  /** Largest L2 norm of an update, in steps, rounding included. */
  l2Bound: positiveInteger,
});
export type Grid = z.output<typeof grid>;

/** Refuses a grid on which `n` weighted updates could reach 2^53, where float64 sums lose digits. */
export function checkSumFits(plan: Grid, organisations: number): Result<null, Refusal> {
  const largest = BigInt(organisations) * BigInt(plan.coordinateBound) * BigInt(plan.weightCap);
  if (largest < 2n ** 53n) return ok(null);
  return err(refusal('E-CONTRACT-OVERFLOW', 'grid', { got: largest.toString(), want: 'less than 2^53' }));
}
