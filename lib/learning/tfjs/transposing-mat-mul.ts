import * as tf from '@tensorflow/tfjs-core';

const BACKEND = 'wasm';

/** The part of a backend that kernels use here. */
interface DataOwner {
  disposeData(dataId: tf.TensorInfo['dataId']): boolean;
}

/**
 * The WASM backend multiplies plain matrices with XNNPACK, but falls back to a scalar triple loop when an operand is to
 * be read transposed, as both gradients of a dense layer are. This replaces its BatchMatMul by one that transposes into
 * a temporary and then multiplies; the numbers are in docs/performance.md.
 *
 * @returns a function that puts the stock kernel back
 */
export function useTransposingMatMul(): () => void {
  const stock = kernel(tf.BatchMatMul);
  const transpose = kernel(tf.Transpose);
  replace({
    ...stock,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const owned: tf.TensorInfo[] = [];
      const plain = (operand: tf.TensorInfo | undefined, transposed: boolean): tf.TensorInfo => {
        if (operand === undefined) throw new RangeError('BatchMatMul takes two operands');
        if (!transposed) return operand;
        const flipped = single(
          transpose.kernelFunc({ inputs: { x: operand }, backend, attrs: { perm: lastTwoSwapped(operand) } }),
        );
        owned.push(flipped);
        return flipped;
      };
      const a = plain(inputs['a'], attrs?.['transposeA'] === true);
      const b = plain(inputs['b'], attrs?.['transposeB'] === true);
      const product = stock.kernelFunc({ inputs: { a, b }, backend, attrs: { transposeA: false, transposeB: false } });
      for (const { dataId } of owned) (backend as DataOwner).disposeData(dataId);
      return product;
    },
  });
  return () => {
    replace(stock);
  };
}

function kernel(name: string): tf.KernelConfig {
  const found = tf.getKernel(name, BACKEND) as tf.KernelConfig | undefined;
  if (found === undefined) throw new Error(`the ${BACKEND} backend has no ${name} kernel`);
  return found;
}

function replace(config: tf.KernelConfig): void {
  tf.unregisterKernel(tf.BatchMatMul, BACKEND);
  tf.registerKernel(config);
}

function single(result: tf.TensorInfo | tf.TensorInfo[]): tf.TensorInfo {
  if (!Array.isArray(result)) return result;
  throw new Error('a transpose gives one tensor');
}

function lastTwoSwapped({ shape }: tf.TensorInfo): number[] {
  const axes = shape.map((_, axis) => axis);
  return [...axes.slice(0, -2), ...axes.slice(-2).reverse()];
}
