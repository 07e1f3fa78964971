import type { ModelSpec } from '../contract/model-spec.ts';
import type { StudyContract } from '../contract/study-contract.ts';
import { bytesEqual, u64be, utf8 } from '../core/bytes.ts';
import { layoutOf, type LayoutTensor } from './layout.ts';
import { randomWords } from './random-words.ts';
import { modelDigest } from './weights.ts';

/**
 * The weights before round 1, in layout order. Kernels under `glorot-uniform` are uniform in ±√(6 / (fan-in + fan-out))
 * (Glorot and Bengio 2010), drawn from the contract's public seed; biases are zero. Only operations that IEEE 754
 * defines to the last bit are used, so every party computes the same bytes.
 */
export function initialWeights(spec: ModelSpec): Float32Array {
  const layout = layoutOf(spec);
  const weights = new Float32Array(layout.length);
  if (spec.initial.kind === 'zeros') return weights;
  for (const tensor of layout.tensors) {
    if (tensor.shape.length === 2) fillGlorot(weights, tensor, spec.initial.seed);
  }
  return weights;
}

/** The weights before round 1, which everybody can compute; null where a contract goes on from a released model. */
export function freshWeights({ spec, layoutDigest, initialDigest }: StudyContract['model']): Float32Array | null {
  const weights = initialWeights(spec);
  return bytesEqual(modelDigest(layoutDigest, weights), initialDigest) ? weights : null;
}

function fillGlorot(weights: Float32Array, { name, shape, offset, length }: LayoutTensor, seed: number): void {
  const fans = shape.reduce((sum, size) => sum + size, 0);
  const limit = Math.sqrt(6 / fans);
  const words = randomWords('weights', utf8('glorot-uniform'), u64be(seed), utf8(name));
  for (let i = 0; i < length; i++) {
    // The middle of one of 2^32 equal cells of (−1, 1): exact in float64, symmetric, never ±1.
    const unit = (2 * words.next().value + 1 - 2 ** 32) / 2 ** 32;
    weights[offset + i] = unit * limit;
  }
}
