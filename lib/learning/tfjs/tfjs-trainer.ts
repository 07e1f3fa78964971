import * as tf from '@tensorflow/tfjs-core';
import { eventLoopTurns } from '../event-loop-turns.ts';
import type { PassedOver, PredictionRequest, Trainer, TrainingOutcome, TrainingRequest } from '../trainer.ts';
import { clippedSum } from './clipped-sum.ts';
import { forward, gradientsOf, meanLoss, probabilitiesOf, tensorsOf } from './dense-net.ts';
import { exclusively } from './exclusively.ts';
import { checkTable, pick, unitsOf, upload, type LabelledRows } from './labelled-rows.ts';

/** A trainer on a backend that is already registered; see `loadTrainer`. */
export function tfjsTrainer(backend: string, passedOver: readonly PassedOver[]): Trainer {
  const onBackend = <T>(job: () => Promise<T>): Promise<T> =>
    exclusively(async () => {
      // Setting the backend that is set already would set up every kernel again.
      if (tf.getBackend() !== backend) await tf.setBackend(backend);
      return job();
    });
  return {
    backend,
    passedOver,
    train: (request) => onBackend(() => train(request)),
    clippedSum: (request) => onBackend(() => clippedSum(request)),
    predict: (request) => onBackend(async () => predict(request)),
  };
}

async function train(request: TrainingRequest): Promise<TrainingOutcome> {
  const { spec, plan, weights, batches } = request;
  if (request.labels.length === 0) throw new RangeError('training needs at least one row');
  checkTable(request);
  const parent = tensorsOf(spec, weights);
  const all = upload(request);
  let current = parent.map((tensor) => tf.clone(tensor));
  try {
    const trainLoss = tf.tidy(() =>
      meanLoss(spec, forward(spec, parent, all.features).logits, all.targets).arraySync(),
    );
    const turn = eventLoopTurns();
    for (let step = 0; step < plan.localSteps; step++) {
      const picked = batches(step);
      const next = tf.tidy(() => {
        const rows = picked === null ? all : pick(request, picked);
        return sgdStep({ request, parent, current, rows });
      });
      tf.dispose(current);
      current = next;
      await turn();
    }
    return { delta: difference(current, weights), trainLoss };
  } finally {
    tf.dispose([all.features, all.targets, ...parent, ...current]);
  }
}

interface SgdStep {
  readonly request: TrainingRequest;
  readonly parent: readonly tf.Tensor[];
  readonly current: readonly tf.Tensor[];
  readonly rows: LabelledRows;
}

/** w − η·(∇ mean loss + μ·(w − parent)) for every tensor. */
function sgdStep({ request: { spec, plan }, parent, current, rows }: SgdStep): tf.Tensor[] {
  const gradients = gradientsOf(spec, current, rows);
  return current.map((weight, i) => {
    const gradient = gradients[i] ?? weight;
    const start = parent[i] ?? weight;
    const pull = plan.proximalMu === 0 ? gradient : tf.add(gradient, tf.mul(tf.sub(weight, start), plan.proximalMu));
    return tf.sub(weight, tf.mul(pull, plan.learningRate));
  });
}

function predict({ spec, weights, features }: PredictionRequest): Float32Array {
  const rows = features.length / spec.inputs;
  if (!Number.isInteger(rows)) throw new RangeError('features are not whole rows');
  if (rows === 0) return new Float32Array(0);
  return tf.tidy(() => {
    const { logits } = forward(spec, tensorsOf(spec, weights), tf.tensor2d(features, [rows, spec.inputs]));
    const probabilities = probabilitiesOf(spec, logits);
    const asked = unitsOf(spec) === 2 ? tf.slice(probabilities, [0, 1], [rows, 1]) : probabilities;
    return asked.dataSync<'float32'>();
  });
}

/** Trained minus parent; a difference of two float32 is computed in float64. */
function difference(trained: readonly tf.Tensor[], parent: Float32Array): Float64Array {
  const delta = new Float64Array(parent.length);
  let offset = 0;
  for (const tensor of trained) {
    tensor.dataSync<'float32'>().forEach((value, i) => {
      delta[offset + i] = value - (parent[offset + i] ?? 0);
    });
    offset += tensor.size;
  }
  return delta;
}
