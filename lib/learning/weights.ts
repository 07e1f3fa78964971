import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

const FLOAT32_BYTES = 4;

/** Little-endian float32, one after the other, whatever the machine's own order. */
export function encodeWeights(weights: Float32Array): Uint8Array {
  const bytes = new Uint8Array(weights.length * FLOAT32_BYTES);
  const view = new DataView(bytes.buffer);
  weights.forEach((weight, i) => {
    view.setFloat32(i * FLOAT32_BYTES, weight, true);
  });
  return bytes;
}

/** Refuses any other length than `length` weights, and NaN or infinite weights. Total. */
export function decodeWeights(bytes: Uint8Array, length: number): Result<Float32Array, Refusal> {
  if (bytes.length !== length * FLOAT32_BYTES) {
    const compared = { got: `${bytes.length} bytes`, want: `${length * FLOAT32_BYTES} bytes` };
    return err(refusal('E-MODEL-FILE', 'length of the weights', compared));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const weights = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const weight = view.getFloat32(i * FLOAT32_BYTES, true);
    if (!Number.isFinite(weight)) return err(refusal('E-MODEL-FILE', `weight ${i} is not finite`));
    weights[i] = weight;
  }
  return ok(weights);
}

/** Names a model: H("model", layout digest, little-endian float32 weights); nothing else goes in. */
export const modelDigest = (layoutDigest: Digest, weights: Float32Array): Digest =>
  hash('model', layoutDigest, encodeWeights(weights));
