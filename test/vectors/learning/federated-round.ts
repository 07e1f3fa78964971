import type { Grid } from '../../../lib/contract/grid.ts';
import type { ModelSpec, StrategyPlan, TrainingPlan } from '../../../lib/contract/model-spec.ts';
import type { Result } from '../../../lib/core/result.ts';
import type { BatchSource } from '../../../lib/learning/batch-source.ts';
import { addUpdate, averageDelta, emptySum, meanTrainLoss } from '../../../lib/learning/integer-sum.ts';
import { toGrid } from '../../../lib/learning/quantise.ts';
import type { ServerState } from '../../../lib/learning/server-state.ts';
import { stepModel, type SteppedModel } from '../../../lib/learning/strategy.ts';
import type { Trainer } from '../../../lib/learning/trainer.ts';
import { decodeUpdate, encodeUpdate } from '../../../lib/learning/update-codec.ts';
import type { LabelledData } from './heart-disease.ts';

export const grid: Grid = { stepLog2: -22, coordinateBound: 2 ** 24, weightCap: 65_536, l2Bound: 2 ** 24 };

interface Round {
  readonly trainer: Trainer;
  readonly spec: ModelSpec;
  readonly plan: TrainingPlan;
  readonly strategy: StrategyPlan;
  readonly sites: readonly (LabelledData & { readonly batches: BatchSource })[];
  readonly parent: Float32Array;
  readonly state: ServerState;
}

/** Train → grid → bytes → checks → integer sum → strategy: the numbers' whole way through one round, weights = rows. */
export async function federatedRound(round: Round): Promise<SteppedModel & { readonly trainLoss: number | null }> {
  const { trainer, spec, plan, parent } = round;
  let sum = emptySum(parent.length);
  for (const { features, labels, batches } of round.sites) {
    const { delta, trainLoss } = await trainer.train({ spec, plan, weights: parent, features, labels, batches });
    const coordinates = accepted(toGrid(delta, grid));
    const sent = encodeUpdate({ weight: labels.length, trainLoss, coordinates });
    sum = addUpdate(sum, accepted(decodeUpdate(sent, { layoutLength: parent.length, grid })));
  }
  const stepped = stepModel({
    plan: round.strategy,
    parent,
    averageDelta: averageDelta(sum, grid),
    state: round.state,
  });
  return { ...stepped, trainLoss: meanTrainLoss(sum) };
}

export function accepted<T>(result: Result<T, { readonly code: string }>): T {
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}
