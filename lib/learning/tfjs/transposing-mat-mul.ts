import * as tf from '@tensorflow/tfjs-core';

const BACKEND = 'wasm';
const PLAIN = { transposeA: false, transposeB: false };

/** The part of a backend that kernels use here. */
interface DataOwner {
  disposeData(dataId: tf.TensorInfo['dataId']): boolean;
}

/** The package's own kernel, kept from the first replacement on. */
let packaged: tf.KernelConfig | null = null;

/**
 * The WASM backend multiplies plain matrices with XNNPACK, but falls back to a scalar triple loop when an operand is to
 * be read transposed, as both gradients of a dense layer are. This replaces its BatchMatMul by one that transposes into
 * a temporary and then multiplies; the numbers are in docs/performance.md. The wasm backend must have started.
 */
export function useTransposingMatMul(): void {
  const stock = (packaged ??= kernel(tf.BatchMatMul));
  const transpose = kernel(tf.Transpose);
  replace({
    ...stock,
    kernelFunc: ({ inputs: { a, b }, backend, attrs }) => {
      if (a === undefined || b === undefined) throw new RangeError('BatchMatMul takes two operands');
      const temporaries: tf.TensorInfo[] = [];
      const temporary = (tensor: tf.TensorInfo): tf.TensorInfo => {
        temporaries.push(tensor);
        return tensor;
      };
      const flip = (x: tf.TensorInfo): tf.TensorInfo =>
        single(transpose.kernelFunc({ inputs: { x }, backend, attrs: { perm: lastTwoSwapped(x) } }));
      const multiply = (left: tf.TensorInfo, right: tf.TensorInfo): tf.TensorInfo =>
        single(stock.kernelFunc({ inputs: { a: left, b: right }, backend, attrs: PLAIN }));
      const product = transposedProduct({
        a: { tensor: a, transposed: attrs?.['transposeA'] === true },
        b: { tensor: b, transposed: attrs?.['transposeB'] === true },
        ...{ flip, multiply, temporary },
      });
      for (const { dataId } of temporaries) (backend as DataOwner).disposeData(dataId);
      return product;
    },
  });
}

interface Operand {
  readonly tensor: tf.TensorInfo;
  /** To be read with its last two axes swapped. */
  readonly transposed: boolean;
}

interface Product {
  readonly a: Operand;
  readonly b: Operand;
  readonly flip: (tensor: tf.TensorInfo) => tf.TensorInfo;
  readonly multiply: (left: tf.TensorInfo, right: tf.TensorInfo) => tf.TensorInfo;
  /** Marks what is to be freed once the product is there. */
  readonly temporary: (tensor: tf.TensorInfo) => tf.TensorInfo;
}

function transposedProduct({ a, b, flip, multiply, temporary }: Product): tf.TensorInfo {
  const plain = ({ tensor, transposed }: Operand): tf.TensorInfo => (transposed ? temporary(flip(tensor)) : tensor);
  const rowsOfProduct = a.tensor.shape.at(a.transposed ? -1 : -2) ?? 1;
  const columnsOfProduct = b.tensor.shape.at(-2) ?? 1;
  if (!b.transposed || rowsOfProduct >= columnsOfProduct) return multiply(plain(a), plain(b));
  // XNNPACK packs its right operand anew for each product; a·bᵀ = (b·aᵀ)ᵀ packs the smaller of the two.
  return flip(temporary(multiply(b.tensor, plain({ ...a, transposed: !a.transposed }))));
}

/** Puts the package's own kernel back, to measure against it. */
export function useStockMatMul(): void {
  if (packaged !== null) replace(packaged);
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
