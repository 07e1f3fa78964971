import * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../contract/model-spec.ts';
import { layoutOf } from '../layout.ts';
import type { LabelledRows } from './labelled-rows.ts';

/**
 * The tensors of `weights` in layout order: kernel and bias of each layer. The caller disposes them, and leaves `weights`
 * alone until then: some backends copy them, some do not.
 */
export function tensorsOf(spec: ModelSpec, weights: Float32Array): tf.Tensor[] {
  const layout = layoutOf(spec);
  if (weights.length !== layout.length) throw new RangeError('weights do not fit the model');
  return layout.tensors.map(({ shape, offset, length }) =>
    tf.tensor(weights.subarray(offset, offset + length), [...shape], 'float32'),
  );
}

/** One pass through the net; every member lives in the caller's `tf.tidy`. */
export interface Forward {
  /** Input of each layer, first the features: rows × inputs of that layer. */
  readonly inputs: readonly tf.Tensor2D[];
  /** Output of the last layer before its sigmoid or softmax: rows × units. */
  readonly logits: tf.Tensor2D;
}

export function forward(spec: ModelSpec, parameters: readonly tf.Tensor[], features: tf.Tensor2D): Forward {
  const inputs: tf.Tensor2D[] = [];
  let signal = features;
  spec.layers.forEach(({ activation }, index) => {
    const { kernel, bias } = layerOf(parameters, index);
    inputs.push(signal);
    const sum = tf.add<tf.Tensor2D>(tf.matMul(signal, kernel), bias);
    signal = index === spec.layers.length - 1 ? sum : activate(sum, activation);
  });
  return { inputs, logits: signal };
}

/** Probabilities of the last layer: rows × units. */
export function probabilitiesOf(spec: ModelSpec, logits: tf.Tensor2D): tf.Tensor2D {
  return spec.layers.at(-1)?.activation === 'softmax' ? tf.softmax(logits) : tf.sigmoid(logits);
}

/**
 * Mean cross-entropy over rows, in nats; `targets` is 0/1 (rows × 1) or one-hot (rows × k). Computed from logits, so
 * that it is finite for every finite logit: max(z, 0) − z·y + log(1 + e^−|z|) for a sigmoid.
 */
export function meanLoss(spec: ModelSpec, logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  if (spec.layers.at(-1)?.activation === 'softmax') {
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), 1)));
  }
  const linear = tf.sub(tf.relu(logits), tf.mul(logits, targets));
  return tf.mean(tf.add(linear, tf.log1p(tf.exp(tf.neg(tf.abs(logits))))));
}

/** What one layer contributes: the gradient of row i is (input_i, 1) ⊗ upstream_i, the 1 for the bias. */
export interface LayerRecord {
  /** rows × inputs of the layer. */
  readonly input: tf.Tensor2D;
  /** Derivative of the row's loss by the layer's output before its activation: rows × units. */
  readonly upstream: tf.Tensor2D;
}

/**
 * Backpropagation with the rows kept apart, one record for each layer: of every row's loss over `divisor`. Written out
 * because tfjs-core comes without derivatives of its operations; for both kinds of output layer the derivative by the
 * logits is probability − target.
 */
export function backpropagate(
  spec: ModelSpec,
  parameters: readonly tf.Tensor[],
  { rows, divisor }: { readonly rows: LabelledRows; readonly divisor: number },
): LayerRecord[] {
  const { inputs, logits } = forward(spec, parameters, rows.features);
  const residual = tf.sub<tf.Tensor2D>(probabilitiesOf(spec, logits), rows.targets);
  let upstream = tf.div<tf.Tensor2D>(residual, divisor);
  const records: LayerRecord[] = [];
  for (const [index, input] of [...inputs.entries()].reverse()) {
    records.unshift({ input, upstream });
    const before = spec.layers[index - 1];
    if (before === undefined) break;
    const { kernel } = layerOf(parameters, index);
    upstream = throughActivation(tf.matMul(upstream, kernel, false, true), input, before.activation);
  }
  return records;
}

/** Sum over the rows of a layer's gradients: kernel and bias. */
export const summed = ({ input, upstream }: LayerRecord): [tf.Tensor2D, tf.Tensor1D] => [
  tf.matMul(input, upstream, true, false),
  tf.sum(upstream, 0),
];

/** Gradient of `meanLoss` with respect to every parameter, in layout order. */
export const gradientsOf = (spec: ModelSpec, parameters: readonly tf.Tensor[], rows: LabelledRows): tf.Tensor[] =>
  backpropagate(spec, parameters, { rows, divisor: rows.features.shape[0] }).flatMap(summed);

type Activation = ModelSpec['layers'][number]['activation'];

function layerOf(parameters: readonly tf.Tensor[], index: number): { kernel: tf.Tensor2D; bias: tf.Tensor1D } {
  const [kernel, bias] = parameters.slice(2 * index);
  return { kernel: kernel as tf.Tensor2D, bias: bias as tf.Tensor1D };
}

function activate(sum: tf.Tensor2D, activation: Activation): tf.Tensor2D {
  switch (activation) {
    case 'linear':
      return sum;
    case 'relu':
      return tf.relu(sum);
    case 'tanh':
      return tf.tanh(sum);
    case 'sigmoid':
      return tf.sigmoid(sum);
    case 'softmax':
      throw new RangeError('softmax belongs to the last layer only');
  }
}

/** Derivative of a hidden layer, written in terms of its output. */
function throughActivation(upstream: tf.Tensor2D, output: tf.Tensor2D, activation: Activation): tf.Tensor2D {
  switch (activation) {
    case 'linear':
      return upstream;
    case 'relu':
      return tf.mul(upstream, tf.step(output));
    case 'tanh':
      return tf.mul(upstream, tf.sub(1, tf.square(output)));
    case 'sigmoid':
      return tf.mul(upstream, tf.mul(output, tf.sub(1, output)));
    case 'softmax':
      throw new RangeError('softmax belongs to the last layer only');
  }
}
