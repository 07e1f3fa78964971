import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/core/bytes.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { decodeWeights, encodeWeights, modelDigest } from '../../../lib/learning/weights.ts';
import { logistic } from './specs.ts';

const finiteWeights = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 40 });

describe('weights as bytes', () => {
  it('is little-endian IEEE 754 binary32', () => {
    expect(toHex(encodeWeights(Float32Array.of(1, -2, 0.1)))).toBe('0000803f000000c0cdcccc3d');
  });

  it('comes back bit for bit, from any offset of a larger buffer', () => {
    fc.assert(
      fc.property(finiteWeights, fc.nat(7), (weights, shift) => {
        const bytes = encodeWeights(weights);
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        const decoded = decodeWeights(shifted.subarray(shift), weights.length);
        expect(decoded.ok && toHex(encodeWeights(decoded.value))).toBe(toHex(bytes));
      }),
    );
  });

  it.each([
    ['NaN', [0, 0, 0xc0, 0x7f]],
    ['+∞', [0, 0, 0x80, 0x7f]],
    ['−∞', [0, 0, 0x80, 0xff]],
  ])('refuses %s', (_, pattern) => {
    const decoded = decodeWeights(Uint8Array.from([0, 0, 0, 0, ...pattern]), 2);
    expect(decoded).toMatchObject({ ok: false, error: { code: 'E-MODEL-FILE', detail: 'weight 1 is not finite' } });
  });

  it('refuses every other length', () => {
    for (const length of [0, 1, 51, 53, 55, 57, 60]) {
      expect(decodeWeights(new Uint8Array(length), 14)).toMatchObject({ ok: false, error: { code: 'E-MODEL-FILE' } });
    }
  });

  it('is named by layout and weights together', () => {
    const weights = Float32Array.of(1, 2, 3);
    const digest = toHex(modelDigest(layoutOf(logistic(2)).digest, weights));
    expect(toHex(modelDigest(layoutOf(logistic(3)).digest, weights))).not.toBe(digest);
    expect(toHex(modelDigest(layoutOf(logistic(2)).digest, Float32Array.of(1, 2, 3.0000002)))).not.toBe(digest);
  });
});
