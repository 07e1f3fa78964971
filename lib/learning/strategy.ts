import type { StrategyPlan } from '../contract/model-spec.ts';
import type { ServerState } from './server-state.ts';

interface ServerStep {
  readonly plan: StrategyPlan;
  /** Weights that the cohort started from. */
  readonly parent: Float32Array;
  /** Weighted mean of the updates, trained minus parent, in parameter units. */
  readonly averageDelta: Float64Array;
  /** What the step before left; `initialServerState` in round 1. */
  readonly state: ServerState;
}

export interface SteppedModel {
  readonly weights: Float32Array;
  readonly state: ServerState;
}

/**
 * The next model. FedAvg (McMahan et al. 2017): parent + η·Δ. The adaptive ones (Reddi et al. 2021, algorithm 2): with
 * m ← β₁m + (1−β₁)Δ, both moments from zero and without bias correction, parent + η·m / (√v + τ), where v ← v + Δ²
 * (Adagrad), β₂v + (1−β₂)Δ² (Adam), or v − (1−β₂)Δ²·sign(v − Δ²) (Yogi). Computed in float64, rounded once to float32.
 * Pure: neither `parent` nor `state` changes. Throws when a weight leaves float32, which no grid-bounded update can do.
 */
export function stepModel({ plan, parent, averageDelta, state }: ServerStep): SteppedModel {
  if (averageDelta.length !== parent.length) throw new RangeError('update and model differ in length');
  if (plan.name === 'fedavg') {
    return { weights: move(parent, (i) => plan.serverLearningRate * (averageDelta[i] ?? 0)), state };
  }
  const secondMoment = secondMomentOf(plan);
  const m = averageDelta.map((delta, i) => plan.beta1 * (state.m?.[i] ?? 0) + (1 - plan.beta1) * delta);
  const v = averageDelta.map((delta, i) => secondMoment(state.v?.[i] ?? 0, delta * delta));
  const step = (i: number): number => (plan.serverLearningRate * (m[i] ?? 0)) / (Math.sqrt(v[i] ?? 0) + plan.tau);
  return { weights: move(parent, step), state: { m, v } };
}

type AdaptivePlan = Exclude<StrategyPlan, { name: 'fedavg' }>;

function secondMomentOf({ name, beta2 }: AdaptivePlan): (v: number, squaredDelta: number) => number {
  switch (name) {
    case 'fedadagrad':
      return (v, squared) => v + squared;
    case 'fedadam':
      return (v, squared) => beta2 * v + (1 - beta2) * squared;
    case 'fedyogi':
      return (v, squared) => v - (1 - beta2) * squared * Math.sign(v - squared);
  }
}

function move(parent: Float32Array, step: (index: number) => number): Float32Array {
  return parent.map((weight, i) => {
    const next = Math.fround(weight + step(i));
    if (!Number.isFinite(next)) throw new RangeError('a weight left the range of float32');
    return next;
  });
}
