import type { Grid } from '../contract/grid.ts';
import type { DecodedUpdate } from './update-codec.ts';

/** Losses are summed in steps of 2^-20 nat: integers, so that their sum too is free of order. */
const LOSS_STEPS = 2 ** 20;

/** Weighted sum of updates, in integers throughout: the same whatever the order of arrival (PROTOCOL §6). */
export interface IntegerSum {
  /** Σ weight · coordinate; integers below 2^53 in magnitude, which the contract's grid guarantees. */
  readonly coordinates: Float64Array;
  readonly totalWeight: number;
  /** Updates added. */
  readonly members: number;
  /** Σ weight · training loss, in steps of 2^-20 nat. */
  readonly weightedLoss: bigint;
}

/** `length`: parameters of the layout. */
export function emptySum(length: number): IntegerSum {
  return { coordinates: new Float64Array(length), totalWeight: 0, members: 0, weightedLoss: 0n };
}

/**
 * Gives a new sum and leaves `sum` alone. `update` comes from `decodeUpdate`. Throws when a coordinate leaves the exact
 * integers: a contract that passed `checkSumFits` cannot get there.
 */
export function addUpdate(sum: IntegerSum, update: DecodedUpdate): IntegerSum {
  if (update.coordinates.length !== sum.coordinates.length) throw new RangeError('update and sum differ in length');
  const coordinates = sum.coordinates.map((total, i) => {
    const next = total + update.weight * (update.coordinates[i] ?? 0);
    if (!Number.isSafeInteger(next)) throw new RangeError('the integer sum reached 2^53');
    return next;
  });
  return {
    coordinates,
    totalWeight: sum.totalWeight + update.weight,
    members: sum.members + 1,
    weightedLoss: sum.weightedLoss + BigInt(update.weight) * BigInt(Math.round(update.trainLoss * LOSS_STEPS)),
  };
}

/** Weighted mean update in parameter units: sum / total weight · step. Throws when nothing was added. */
export function averageDelta(sum: IntegerSum, grid: Grid): Float64Array {
  if (sum.totalWeight === 0) throw new RangeError('an empty sum has no average');
  const step = 2 ** grid.stepLog2;
  return sum.coordinates.map((total) => (total / sum.totalWeight) * step);
}

/** Mean training loss of the parent model over all rows of the cohort, in nats; null when nothing was added. */
export function meanTrainLoss(sum: IntegerSum): number | null {
  return sum.totalWeight === 0 ? null : Number(sum.weightedLoss) / sum.totalWeight / LOSS_STEPS;
}
