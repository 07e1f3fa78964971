import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelSpec, TrainingPlan } from '../../../../lib/contract/model-spec.ts';
import { explicitBatches, shuffledBatches } from '../../../../lib/learning/batch-source.ts';
import { initialWeights } from '../../../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../../../lib/learning/layout.ts';
import { toGrid } from '../../../../lib/learning/quantise.ts';
import { randomWords } from '../../../../lib/learning/random-words.ts';
import { loadTrainer } from '../../../../lib/learning/tfjs/load-trainer.ts';
import type { Trainer, TrainingRequest } from '../../../../lib/learning/trainer.ts';
import { fineGrid, logistic, threeLayers } from '../specs.ts';
import { float64Gradient, float64Loss, float64Probabilities } from './float64-net.ts';

const words = randomWords('seed', Uint8Array.of(42));
const uniform = (): number => words.next().value / 2 ** 31 - 1;

const reluNet: ModelSpec = {
  kind: 'dense',
  inputs: 4,
  layers: [
    { units: 6, activation: 'relu' },
    { units: 3, activation: 'linear' },
    { units: 1, activation: 'sigmoid' },
  ],
  initial: { kind: 'glorot-uniform', seed: 5 },
};
const twoClasses: ModelSpec = {
  ...reluNet,
  layers: [
    { units: 5, activation: 'tanh' },
    { units: 2, activation: 'softmax' },
  ],
};
const nets = { logistic: logistic(13), threeLayers, reluNet, twoClasses };

const oneStep: TrainingPlan = { optimizer: 'sgd', learningRate: 1, localSteps: 1, batchSize: null, proximalMu: 0 };

function requestFor(spec: ModelSpec, rows: number, plan: TrainingPlan = oneStep): TrainingRequest {
  const classes = Math.max(2, spec.layers.at(-1)?.units ?? 0);
  return {
    spec,
    plan,
    weights: Float32Array.from({ length: layoutOf(spec).length }, () => uniform() / 2),
    features: Float32Array.from({ length: rows * spec.inputs }, uniform),
    labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    batches: shuffledBatches({ rows, batchSize: plan.batchSize, seed: new Uint8Array(32) }),
  };
}

describe.each(['wasm', 'cpu'] as const)('the %s trainer', (backend) => {
  let trainer: Trainer;
  beforeAll(async () => {
    trainer = await loadTrainer(backend);
  });

  it.each(Object.entries(nets))('has the gradient of finite differences: %s', async (_, spec) => {
    const request = requestFor(spec, 17);
    const { delta, trainLoss } = await trainer.train(request);
    expect(trainLoss).toBeCloseTo(float64Loss(request, request.weights), 5);
    float64Gradient(request).forEach((derivative, i) => {
      expect(Math.abs(-(delta[i] ?? 0) - derivative)).toBeLessThan(2e-6);
    });
  });

  it('has the right gradient where every logit is zero', async () => {
    const request = { ...requestFor(logistic(2), 4), weights: new Float32Array(3) };
    const { delta, trainLoss } = await trainer.train(request);
    expect(trainLoss).toBeCloseTo(Math.LN2, 5);
    float64Gradient(request).forEach((derivative, i) => {
      expect(delta[i]).toBeCloseTo(-derivative, 6);
    });
  });

  it.each(Object.entries(nets))('predicts the probabilities of a float64 net: %s', async (_, spec) => {
    const { weights, features } = requestFor(spec, 9);
    const predicted = await trainer.predict({ spec, weights, features });
    const expected = float64Probabilities(spec, weights, features).flatMap((row) =>
      row.length === 2 ? row.slice(1) : row,
    );
    expect(predicted.length).toBe(expected.length);
    expected.forEach((probability, i) => {
      expect(predicted[i]).toBeCloseTo(probability, 5);
    });
  });

  it('predicts nothing for no rows', async () => {
    expect(
      await trainer.predict({ spec: logistic(3), weights: new Float32Array(4), features: new Float32Array(0) }),
    ).toEqual(new Float32Array(0));
  });

  it('leaves no tensor behind: training, predicting, failing', async () => {
    const request = requestFor(reluNet, 30, { ...oneStep, localSteps: 20, batchSize: 8, proximalMu: 0.1 });
    const before = tf.memory().numTensors;
    await trainer.train(request);
    await trainer.predict(request);
    await expect(trainer.train({ ...request, batches: explicitBatches([[0], [99]]) })).rejects.toThrow(RangeError);
    await expect(trainer.train({ ...request, weights: new Float32Array(3) })).rejects.toThrow(RangeError);
    await expect(trainer.predict({ ...request, weights: new Float32Array(3) })).rejects.toThrow(RangeError);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves parent weights and features alone, and repeats to the bit', async () => {
    const request = requestFor(threeLayers, 40, { ...oneStep, localSteps: 25, batchSize: 7, learningRate: 0.3 });
    const [weights, features] = [request.weights.slice(), request.features.slice()];
    const first = await trainer.train(request);
    expect(await trainer.train(request)).toEqual(first);
    expect([request.weights, request.features]).toEqual([weights, features]);
  });

  it('pulls towards the parent under FedProx', async () => {
    const free = requestFor(logistic(6), 25, { ...oneStep, localSteps: 60, learningRate: 0.5 });
    const held = { ...free, plan: { ...free.plan, proximalMu: 0.8 } };
    const norm = (delta: Float64Array): number => Math.hypot(...delta);
    const far = norm((await trainer.train(free)).delta);
    const near = (await trainer.train(held)).delta;
    expect(norm(near)).toBeLessThan(0.7 * far);
    // At the optimum of loss + μ/2·‖w − parent‖² the loss gradient equals −μ·(w − parent).
    const settled = (await trainer.train({ ...held, plan: { ...held.plan, localSteps: 400 } })).delta;
    const moved = { ...held, weights: held.weights.map((weight, i) => weight + (settled[i] ?? 0)) };
    float64Gradient(moved).forEach((derivative, i) => {
      expect(derivative).toBeCloseTo(-0.8 * (settled[i] ?? 0), 4);
    });
  });

  it('learns: the loss falls', async () => {
    const request = {
      ...requestFor(threeLayers, 60, { ...oneStep, localSteps: 200 }),
      weights: initialWeights(threeLayers),
    };
    const { delta, trainLoss } = await trainer.train(request);
    const trained = request.weights.map((weight, i) => weight + (delta[i] ?? 0));
    expect(float64Loss(request, trained)).toBeLessThan(0.95 * trainLoss);
  });

  it('gives a divergence that the grid refuses', async () => {
    const request = requestFor(logistic(2), 4, { ...oneStep, learningRate: 100, localSteps: 60, proximalMu: 1000 });
    const { delta } = await trainer.train(request);
    expect(toGrid(delta, fineGrid)).toMatchObject({ error: { code: 'E-TRAINING-DIVERGED' } });
  });

  it('throws on rows that are not rows', async () => {
    const request = requestFor(logistic(2), 4);
    const none = { ...request, features: new Float32Array(0), labels: new Float32Array(0) };
    await expect(trainer.train(none)).rejects.toThrow(RangeError);
    await expect(trainer.train({ ...request, features: new Float32Array(7) })).rejects.toThrow(RangeError);
    for (const label of [2, -1, 0.5, Number.NaN]) {
      await expect(trainer.train({ ...request, labels: Float32Array.of(0, 1, label, 1) })).rejects.toThrow(RangeError);
    }
    await expect(trainer.predict({ ...request, features: new Float32Array(7) })).rejects.toThrow(RangeError);
  });
});

describe('two backends in one process', () => {
  it('agree to float32 accuracy, and keep to their own backend when their jobs overlap', async () => {
    const [wasm, cpu] = [await loadTrainer('wasm'), await loadTrainer('cpu')];
    // Long enough to give the event loop several turns, in which another job could interfere.
    const request = requestFor(logistic(13), 200, { ...oneStep, localSteps: 1500, batchSize: 50, learningRate: 0.01 });
    const alone = [await wasm.train(request), await cpu.train(request), await wasm.train(request)] as const;
    expect(alone[0].trainLoss).toBeCloseTo(alone[1].trainLoss, 5);
    alone[0].delta.forEach((value, i) => {
      expect(Math.abs(value - (alone[1].delta[i] ?? 0))).toBeLessThan(1e-5);
    });
    // The two differ in the last bits, so that the comparison below tells which one did the work.
    expect(alone[0]).not.toEqual(alone[1]);
    expect(alone[2]).toEqual(alone[0]);
    const overlapping = await Promise.all([wasm.train(request), cpu.train(request), wasm.train(request)]);
    expect(overlapping).toEqual(alone);
  });

  it('lets the event loop turn during long training', async () => {
    const trainer = await loadTrainer('wasm');
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    await trainer.train(requestFor(logistic(13), 300, { ...oneStep, localSteps: 4000, batchSize: 64 }));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });
});
