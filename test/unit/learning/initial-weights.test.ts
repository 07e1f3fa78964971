import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/core/bytes.ts';
import { initialWeights } from '../../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { modelDigest } from '../../../lib/learning/weights.ts';
import type { ModelSpec } from '../../../lib/contract/model-spec.ts';
import { logistic, threeLayers } from './specs.ts';

const wide: ModelSpec = {
  ...logistic(200),
  layers: [
    { units: 100, activation: 'relu' },
    { units: 1, activation: 'sigmoid' },
  ],
  initial: { kind: 'glorot-uniform', seed: 7 },
};

describe('initialWeights', () => {
  it('is all zero where the contract says so', () => {
    expect(initialWeights(logistic(13))).toEqual(new Float32Array(14));
  });

  it('gives the bytes that every party must compute', () => {
    expect(toHex(modelDigest(layoutOf(threeLayers).digest, initialWeights(threeLayers)))).toMatchInlineSnapshot(
      `"081163c3fdb9710f075db7d3d00f3d1b6d3175e7b257a5a5793728361debefe8"`,
    );
  });

  it('draws kernels uniformly within ±√(6/(fan-in + fan-out)) and leaves biases zero', () => {
    const weights = initialWeights(wide);
    const limit = Math.sqrt(6 / 300);
    const kernel = weights.subarray(0, 20_000);
    const mean = kernel.reduce((sum, value) => sum + value, 0) / kernel.length;
    const variance = kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length;
    expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(limit);
    // Uniform on ±limit has variance limit²/3; 5 standard errors of each estimate.
    expect(Math.abs(mean)).toBeLessThan((5 * limit) / Math.sqrt(3 * kernel.length));
    expect(Math.abs(variance / (limit ** 2 / 3) - 1)).toBeLessThan(5 * Math.sqrt(0.8 / kernel.length));
    expect(weights.subarray(20_000, 20_100)).toEqual(new Float32Array(100));
  });

  it('depends on the seed and on the tensor', () => {
    const weights = initialWeights(wide);
    expect(initialWeights({ ...wide, initial: { kind: 'glorot-uniform', seed: 8 } })).not.toEqual(weights);
    const scaled = (from: number, fans: number): number => (weights[from] ?? 0) / Math.sqrt(6 / fans);
    expect(scaled(0, 300)).not.toBeCloseTo(scaled(20_100, 101), 6);
  });
});
