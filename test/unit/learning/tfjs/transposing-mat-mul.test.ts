import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTrainer } from '../../../../lib/learning/tfjs/load-trainer.ts';
import { useStockMatMul, useTransposingMatMul } from '../../../../lib/learning/tfjs/transposing-mat-mul.ts';

const size = fc.integer({ min: 1, max: 40 });
interface Product {
  readonly batch: number[];
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}
const product: fc.Arbitrary<Product> = fc.record({
  batch: fc.constantFrom<number[]>([], [1], [3]),
  rows: size,
  inner: size,
  columns: size,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
});

function operands({ batch, rows, inner, columns, transposeA, transposeB }: Product): { a: tf.Tensor; b: tf.Tensor } {
  const fill = (shape: number[], phase: number): tf.Tensor => {
    const length = shape.reduce((all, n) => all * n, 1);
    return tf.tensor(
      Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + phase)),
      shape,
    );
  };
  const a = fill([...batch, ...(transposeA ? [inner, rows] : [rows, inner])], 1);
  const b = fill([...batch, ...(transposeB ? [columns, inner] : [inner, columns])], 2);
  return { a, b };
}

describe('the transposing matMul kernel', () => {
  beforeAll(async () => {
    await loadTrainer('wasm');
    await tf.setBackend('wasm');
  });

  it('is the one in use', () => {
    const inUse = tf.getKernel(tf.BatchMatMul, 'wasm').kernelFunc;
    useStockMatMul();
    expect(tf.getKernel(tf.BatchMatMul, 'wasm').kernelFunc).not.toBe(inUse);
    useTransposingMatMul();
  });

  it('equals the stock kernel on every shape and transposition, and frees its temporaries', () => {
    fc.assert(
      fc.property(product, (shape) => {
        const { a, b } = operands(shape);
        const multiply = (): tf.Tensor => tf.matMul(a, b, shape.transposeA, shape.transposeB);
        const held = tf.engine().backend.numDataIds();
        const ours = multiply();
        expect(tf.engine().backend.numDataIds()).toBe(held + 1);
        useStockMatMul();
        const stock = multiply();
        useTransposingMatMul();
        expect(ours.shape).toEqual(stock.shape);
        const expected = stock.dataSync();
        ours.dataSync().forEach((value, i) => {
          expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThan(1e-5);
        });
        tf.dispose([a, b, ours, stock]);
      }),
      { numRuns: 200 },
    );
  });
});
