import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelSpec } from '../../../../lib/contract/model-spec.ts';
import { shuffledBatches } from '../../../../lib/learning/batch-source.ts';
import { layoutOf } from '../../../../lib/learning/layout.ts';
import { randomWords } from '../../../../lib/learning/random-words.ts';
import { loadTrainer } from '../../../../lib/learning/tfjs/load-trainer.ts';
import type { ClippedSumRequest, Trainer } from '../../../../lib/learning/trainer.ts';
import { pieceRows } from '../../../../lib/privacy/mechanism.ts';
import { logistic, threeLayers } from '../specs.ts';

const reluNet: ModelSpec = {
  ...threeLayers,
  inputs: 6,
  layers: [
    { units: 33, activation: 'relu' },
    { units: 5, activation: 'linear' },
    { units: 1, activation: 'sigmoid' },
  ],
};
const tanhNet: ModelSpec = {
  ...threeLayers,
  layers: [
    { units: 70, activation: 'relu' },
    { units: 9, activation: 'tanh' },
    { units: 2, activation: 'softmax' },
  ],
};
const nets = { logistic: logistic(13), threeLayers, reluNet, tanhNet };
const CLIP = 0.7;
/** The part of C that is kept for float32. */
const USED_CLIP = CLIP * (1 - 2 ** -10);

function requestFor(spec: ModelSpec, rows: number): ClippedSumRequest {
  const classes = Math.max(2, spec.layers.at(-1)?.units ?? 0);
  const words = randomWords('seed', Uint8Array.of(43));
  const uniform = (): number => words.next().value / 2 ** 31 - 1;
  return {
    spec,
    weights: Float32Array.from({ length: layoutOf(spec).length }, () => uniform() / 2),
    // Rows of different sizes, so that some gradients are clipped and some are not.
    features: Float32Array.from({ length: rows * spec.inputs }, (_, i) => uniform() * 2 ** ((i % 7) - 3)),
    labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    rows: Int32Array.from({ length: rows }, (_, row) => row),
    clip: CLIP,
    pieceRows: 16,
  };
}

const norm = (vector: Iterable<number>): number => Math.hypot(...vector);
const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - (b[i] ?? 0));
const only = (request: ClippedSumRequest, ...rows: number[]): ClippedSumRequest => ({
  ...request,
  rows: Int32Array.from(rows),
});

describe.each(['wasm', 'cpu'] as const)('clipped sums of the %s trainer', (backend) => {
  let trainer: Trainer;
  beforeAll(async () => {
    trainer = await loadTrainer(backend);
  });

  /** Gradient of one row's loss, through the plain step; so long a step that subtracting the parent costs no digits. */
  async function plainGradient(request: ClippedSumRequest, row: number): Promise<Float64Array> {
    const { spec, features, labels, weights } = request;
    const learningRate = 2 ** 14;
    const { delta } = await trainer.train({
      spec,
      weights,
      plan: { optimizer: 'sgd', learningRate, localSteps: 1, batchSize: null, proximalMu: 0 },
      features: features.slice(row * spec.inputs, (row + 1) * spec.inputs),
      labels: labels.slice(row, row + 1),
      batches: shuffledBatches({ rows: 1, batchSize: null, seed: new Uint8Array(32) }),
    });
    return delta.map((value) => -value / learningRate);
  }

  it.each(Object.entries(nets))('are those of gradients computed and clipped one by one: %s', async (_, spec) => {
    const request = requestFor(spec, 45);
    const gradients: Float64Array[] = [];
    for (const row of request.rows) gradients.push(await plainGradient(request, row));
    // The median, so that half of them are clipped.
    const clip = gradients.map(norm).sort((a, b) => a - b)[22] ?? 0;
    const expected = new Float64Array(request.weights.length);
    for (const gradient of gradients) {
      const factor = Math.min(1, (clip * (1 - 2 ** -10)) / norm(gradient));
      gradient.forEach((value, i) => {
        expected[i] = (expected[i] ?? 0) + factor * value;
      });
    }
    const { sum, nonFiniteRows } = await trainer.clippedSum({ ...request, clip });
    expect(norm(minus(sum, expected)) / norm(expected)).toBeLessThan(1e-5);
    expect(nonFiniteRows).toBe(0);
  });

  it('clip each row before they are added up: a huge row moves the sum by the clip, and the others as before', async () => {
    const request = requestFor(reluNet, 20);
    const { sum: before } = await trainer.clippedSum(request);
    const row = new Array<number>(6).fill(1e4);
    const [predicted = 0] = await trainer.predict({ ...request, features: Float32Array.from(row) });
    const features = Float32Array.of(...request.features, ...row);
    const labels = Int32Array.of(...request.labels, predicted > 0.5 ? 0 : 1);
    const huge = { ...request, features, labels, rows: Int32Array.of(...request.rows, 20) };
    expect(norm(await plainGradient(huge, 20))).toBeGreaterThan(100 * CLIP);
    const { sum: after } = await trainer.clippedSum(huge);
    expect(norm(minus(after, before))).toBeCloseTo(USED_CLIP, 5);
    expect(norm(before)).toBeGreaterThan(2 * CLIP);
  });

  it('count the bias in the norm and clip it too', async () => {
    // Without features only the bias has a gradient, ½ or −½ at zero weights.
    const request = { ...requestFor(logistic(3), 2), weights: new Float32Array(4), features: new Float32Array(6) };
    const tight = { ...request, clip: 0.3 };
    expect((await trainer.clippedSum(only(tight, 0))).sum[3]).toBeCloseTo(0.3 * (1 - 2 ** -10), 6);
    expect((await trainer.clippedSum(only(tight, 1))).sum[3]).toBeCloseTo(-0.3 * (1 - 2 ** -10), 6);
    // (1, 1) · ½ is longer than 0.6 only with its bias.
    const unit = { ...request, features: Float32Array.of(1, 0, 0, 1, 0, 0), clip: 0.6 };
    expect(norm((await trainer.clippedSum(only(unit, 0))).sum)).toBeCloseTo(0.6 * (1 - 2 ** -10), 6);
  });

  it('never hold a row longer than the clip, however extreme', async () => {
    for (const scale of [1e-30, 1e-12, 1, 1e12, 1e18, 1e25, 3e38]) {
      const spec = logistic(4);
      const features = Float32Array.from([1, -1, 0.5, 1e-20], (value) => value * scale);
      const weights = Float32Array.from([1, 1, -1, 0.5, 0.25], (value) => value / Math.max(1, scale));
      const request = { ...requestFor(spec, 1), features, weights };
      const { sum } = await trainer.clippedSum(request);
      expect(norm(sum)).toBeLessThanOrEqual(CLIP);
      if (scale >= 1) expect(norm(sum)).toBeGreaterThan(0.6);
    }
  });

  it('leave out and count a row that no float32 factor scales down to the clip', async () => {
    // The factor is a float32 so small that it doubles: just above half of the least one, 2^-149.
    const spec: ModelSpec = {
      ...threeLayers,
      inputs: 1,
      layers: [
        { units: 1, activation: 'relu' },
        { units: 1, activation: 'relu' },
        { units: 1, activation: 'sigmoid' },
      ],
    };
    const exploding = {
      ...requestFor(spec, 3),
      weights: Float32Array.of(1e23, 0, 1e-30, 0, 1.4e22 * CLIP, 0),
      features: Float32Array.of(1, -2, 1),
      labels: Int32Array.of(0, 0, 0),
    };
    // The factor is an ordinary one, and the scaled derivative by the logit, about 1e-20, doubles.
    const faint = {
      ...requestFor(logistic(1), 3),
      weights: Float32Array.of(0, -46),
      features: Float32Array.of(1e38, 0, 1e38),
      labels: Int32Array.of(0, 1, 0),
      clip: 7.2e-8,
    };
    for (const request of [exploding, faint]) {
      const rest = await trainer.clippedSum(only(request, 1));
      expect(norm(rest.sum)).toBeGreaterThan(0.4 * request.clip);
      expect(await trainer.clippedSum(request)).toEqual({ sum: rest.sum, nonFiniteRows: 2 });
      expect(norm((await trainer.clippedSum(only(request, 0))).sum)).toBe(0);
    }
  });

  it.each([Number.NaN, Infinity, -Infinity])(
    'leave out a row with %d and count it, to the bit as if it were not named',
    async (bad) => {
      for (const spec of [logistic(5), { ...reluNet, inputs: 5 }, threeLayers]) {
        const request = requestFor(spec, 30);
        request.features.set([bad], 7 * spec.inputs + 2);
        request.features.set([bad, bad], 29 * spec.inputs);
        const rest = request.rows.filter((row) => row !== 7 && row !== 29);
        const without = await trainer.clippedSum({ ...request, rows: rest });
        expect(without.sum.every(Number.isFinite)).toBe(true);
        expect(await trainer.clippedSum(request)).toEqual({ sum: without.sum, nonFiniteRows: 2 });
        const { sum, nonFiniteRows } = await trainer.clippedSum(only(request, 29, 7));
        expect([norm(sum), nonFiniteRows]).toEqual([0, 2]);
      }
    },
  );

  it('are zero for no rows, and for weights that overflow', async () => {
    const request = requestFor(threeLayers, 5);
    const zeros = new Float64Array(request.weights.length);
    expect(await trainer.clippedSum(only(request))).toEqual({ sum: zeros, nonFiniteRows: 0 });
    const broken = { ...request, weights: request.weights.map(() => Number.NaN) };
    expect(await trainer.clippedSum(broken)).toEqual({ sum: zeros, nonFiniteRows: 5 });
  });

  it('add a row in the same way to the bit, whatever stands beside it', async () => {
    // What the sensitivity rests on: a ReLU must not open for a row because another one is there.
    for (const [spec, rows] of [
      [tanhNet, 300],
      [reluNet, 37],
      [threeLayers, 70],
    ] as const) {
      const request = { ...requestFor(spec, rows), pieceRows: 1 };
      const oneByOne = new Float64Array(request.weights.length);
      for (const row of request.rows) {
        (await trainer.clippedSum(only(request, row))).sum.forEach((value, i) => {
          oneByOne[i] = (oneByOne[i] ?? 0) + value;
        });
      }
      expect((await trainer.clippedSum(request)).sum).toEqual(oneByOne);
    }
  });

  it('differ between pieces by float32 rounding alone, and count a row named twice twice', async () => {
    const request = requestFor(reluNet, 300);
    const whole = (await trainer.clippedSum({ ...request, pieceRows: 1000 })).sum;
    for (const size of [1, 7, 64, 299]) {
      const { sum } = await trainer.clippedSum({ ...request, pieceRows: size });
      expect(norm(minus(sum, whole))).toBeLessThan(300 * CLIP * 2 ** -16);
    }
    const once = (await trainer.clippedSum(only(request, 3))).sum;
    expect((await trainer.clippedSum(only(request, 3, 3))).sum).toEqual(once.map((value) => 2 * value));
  });

  it('are off by less than the sensitivity counts, in pieces as large as allowed', async () => {
    for (const rows of [362, 2000]) {
      const request = { ...requestFor(tanhNet, rows), clip: 0.05 };
      const exact = (await trainer.clippedSum({ ...request, pieceRows: 1 })).sum;
      const { sum } = await trainer.clippedSum({ ...request, pieceRows: pieceRows(rows) });
      expect(norm(minus(sum, exact))).toBeLessThan(2 ** -7 * request.clip);
      expect(rows * pieceRows(rows)).toBeLessThanOrEqual(2 ** 17);
    }
    expect([0, 2 ** 17, 2 ** 20].map(pieceRows)).toEqual([2 ** 17, 1, 1]);
  });

  it('leave no tensor behind, also when they throw, and arguments alone', async () => {
    const request = requestFor(reluNet, 40);
    const copies = [request.weights.slice(), request.features.slice(), request.rows.slice()];
    const before = tf.memory().numTensors;
    await trainer.clippedSum(request);
    for (const bent of [
      only(request, 0, 40),
      only(request, -1),
      { ...request, weights: new Float32Array(3) },
      { ...request, features: new Float32Array(7) },
      { ...request, labels: request.labels.map(() => 2) },
      { ...request, clip: 0 },
      { ...request, clip: Number.NaN },
      { ...request, pieceRows: 0 },
      { ...request, pieceRows: 2.5 },
    ]) {
      await expect(trainer.clippedSum(bent)).rejects.toThrow(RangeError);
    }
    expect(tf.memory().numTensors).toBe(before);
    expect([request.weights, request.features, request.rows]).toEqual(copies);
  });
});
