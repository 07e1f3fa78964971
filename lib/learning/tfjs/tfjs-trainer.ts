import * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../contract/model-spec.ts';
import type { PassedOver, PredictionRequest, Trainer, TrainingOutcome, TrainingRequest } from '../trainer.ts';
import { forward, gradientsOf, meanLoss, probabilitiesOf, tensorsOf, type LabelledRows } from './dense-net.ts';
import { exclusively } from './exclusively.ts';

/** Longest stretch without letting the agent answer challenges and keep-alives. */
const SLICE_MS = 50;

/** A trainer on a backend that is already registered; see `loadTrainer`. */
export function tfjsTrainer(backend: string, passedOver: readonly PassedOver[]): Trainer {
  const onBackend = <T>(job: () => Promise<T>): Promise<T> =>
    exclusively(async () => {
      await tf.setBackend(backend);
      return job();
    });
  return {
    backend,
    passedOver,
    train: (request) => onBackend(() => train(request)),
    predict: (request) => onBackend(async () => predict(request)),
  };
}

async function train(request: TrainingRequest): Promise<TrainingOutcome> {
  const { spec, plan, weights, batches } = request;
  checkRows(request);
  const parent = tensorsOf(spec, weights);
  const all = upload(spec, request.features, request.labels);
  let current = parent.map((tensor) => tf.clone(tensor));
  try {
    const trainLoss = tf.tidy(() =>
      meanLoss(spec, forward(spec, parent, all.features).logits, all.targets).arraySync(),
    );
    let sliceEnd = performance.now() + SLICE_MS;
    for (let step = 0; step < plan.localSteps; step++) {
      const picked = batches(step);
      const next = tf.tidy(() => {
        const rows = picked === null ? all : pick(request, picked);
        return sgdStep({ request, parent, current, rows });
      });
      tf.dispose(current);
      current = next;
      if (performance.now() < sliceEnd) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sliceEnd = performance.now() + SLICE_MS;
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

function checkRows({ spec, features, labels }: TrainingRequest): void {
  const classes = Math.max(2, unitsOf(spec));
  if (labels.length === 0) throw new RangeError('training needs at least one row');
  if (features.length !== labels.length * spec.inputs) throw new RangeError('features are not rows × inputs');
  if (!labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes)) {
    throw new RangeError('a label is not a class of the model');
  }
}

function pick({ spec, features, labels }: TrainingRequest, rows: Int32Array): LabelledRows {
  if (rows.some((row) => labels[row] === undefined)) throw new RangeError('a batch names a row that does not exist');
  const picked = new Float32Array(rows.length * spec.inputs);
  rows.forEach((row, at) => {
    picked.set(features.subarray(row * spec.inputs, (row + 1) * spec.inputs), at * spec.inputs);
  });
  return upload(
    spec,
    picked,
    Float32Array.from(rows, (row) => labels[row] ?? 0),
  );
}

function upload(spec: ModelSpec, features: Float32Array, labels: Float32Array | Int32Array): LabelledRows {
  const units = unitsOf(spec);
  const targets = new Float32Array(labels.length * units);
  labels.forEach((label, row) => {
    if (units === 1) targets[row] = label;
    else targets[row * units + label] = 1;
  });
  return {
    features: tf.tensor2d(features, [labels.length, spec.inputs]),
    targets: tf.tensor2d(targets, [labels.length, units]),
  };
}

const unitsOf = (spec: ModelSpec): number => spec.layers.at(-1)?.units ?? 0;

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
