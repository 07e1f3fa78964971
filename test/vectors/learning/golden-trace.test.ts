import { describe, expect, it } from 'vitest';
import type { StrategyPlan, TrainingPlan } from '../../../lib/contract/model-spec.ts';
import { explicitBatches } from '../../../lib/learning/batch-source.ts';
import { initialServerState } from '../../../lib/learning/server-state.ts';
import type { SteppedModel } from '../../../lib/learning/strategy.ts';
import { loadTrainer } from '../../../lib/learning/tfjs/load-trainer.ts';
import { logistic } from '../../unit/learning/specs.ts';
import { federatedRound } from './federated-round.ts';
import { heartDiseaseAbsent, INPUTS, readGoldenTrace, type GoldenTrace, type TracedStrategy } from './heart-disease.ts';

const ROUNDS = 15;
const STEPS = 100;
const TOLERANCE = 1e-5;

const FLAMBY: Record<TracedStrategy, StrategyPlan['name']> = {
  FedAvg: 'fedavg',
  FedProx: 'fedavg',
  FedAdam: 'fedadam',
  FedYogi: 'fedyogi',
  FedAdagrad: 'fedadagrad',
};

function plansOf(trace: GoldenTrace, traced: TracedStrategy): { plan: TrainingPlan; strategy: StrategyPlan } {
  const { lr, mu = 0, slr = 1, b1 = 0, b2 = 0, tau = 1 } = trace.hyperparameters[traced];
  const name = FLAMBY[traced];
  const plan = { optimizer: 'sgd', learningRate: lr, localSteps: STEPS, batchSize: 4, proximalMu: mu } as const;
  if (name === 'fedavg') return { plan, strategy: { name, serverLearningRate: slr } };
  return { plan, strategy: { name, serverLearningRate: slr, beta1: b1, beta2: b2, tau } };
}

describe.skipIf(heartDiseaseAbsent).each(['wasm', 'cpu'] as const)('golden trace on %s', (backend) => {
  it.each(Object.keys(FLAMBY) as TracedStrategy[])('%s: every weight after every round', async (traced) => {
    const trace = readGoldenTrace();
    const trainer = await loadTrainer(backend);
    const sites = Object.values(trace.train).map(({ X, y }) => ({
      features: Float32Array.from(X.flat()),
      labels: Float32Array.from(y),
    }));
    let model: SteppedModel = { weights: Float32Array.from(trace.init), state: initialServerState };
    const largestErrors: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const batchesOf = (site: number) =>
        explicitBatches(trace.batches[site]?.slice(round * STEPS, (round + 1) * STEPS) ?? []);
      model = await federatedRound({
        trainer,
        spec: logistic(INPUTS),
        ...plansOf(trace, traced),
        sites: sites.map((rows, site) => ({ ...rows, batches: batchesOf(site) })),
        parent: model.weights,
        state: model.state,
      });
      const expected = trace.theta_after_round[traced][round] ?? [];
      expect(expected).toHaveLength(INPUTS + 1);
      largestErrors.push(Math.max(...expected.map((theta, i) => Math.abs(theta - (model.weights[i] ?? Number.NaN)))));
    }
    expect(largestErrors).toHaveLength(ROUNDS);
    for (const error of largestErrors) expect(error).toBeLessThanOrEqual(TOLERANCE);
  });
});
