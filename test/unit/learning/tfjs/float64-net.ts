import type { ModelSpec } from '../../../../lib/contract/model-spec.ts';
import type { TrainingRequest } from '../../../../lib/learning/trainer.ts';

/** The same nets in plain float64, written without tensors, to compare with. */

export function float64Probabilities(spec: ModelSpec, weights: ArrayLike<number>, features: Float32Array): number[][] {
  const rows = features.length / spec.inputs;
  return Array.from({ length: rows }, (_, row) =>
    oneRow(spec, weights, [...features.subarray(row * spec.inputs, (row + 1) * spec.inputs)]),
  );
}

export function float64Loss({ spec, features, labels }: TrainingRequest, weights: ArrayLike<number>): number {
  const losses = float64Probabilities(spec, weights, features).map((probabilities, row) => {
    const label = labels[row] ?? 0;
    if (probabilities.length > 1) return -Math.log(probabilities[label] ?? 0);
    return -Math.log(label === 1 ? (probabilities[0] ?? 0) : 1 - (probabilities[0] ?? 0));
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** Central differences. */
export function float64Gradient(request: TrainingRequest): number[] {
  const step = 1e-5;
  const at = (i: number, shift: number): number => {
    const weights = Float64Array.from(request.weights);
    weights[i] = (weights[i] ?? 0) + shift;
    return float64Loss(request, weights);
  };
  return Array.from(request.weights, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

function oneRow(spec: ModelSpec, weights: ArrayLike<number>, features: number[]): number[] {
  let signal = features;
  let offset = 0;
  for (const { units, activation } of spec.layers) {
    const inputs = signal;
    const kernel = offset;
    const bias = kernel + inputs.length * units;
    const sums = Array.from({ length: units }, (_, unit) =>
      inputs.reduce(
        (sum, value, i) => sum + value * (weights[kernel + i * units + unit] ?? 0),
        weights[bias + unit] ?? 0,
      ),
    );
    offset = bias + units;
    signal = activated(sums, activation);
  }
  return signal;
}

function activated(sums: number[], activation: ModelSpec['layers'][number]['activation']): number[] {
  switch (activation) {
    case 'linear':
      return sums;
    case 'relu':
      return sums.map((sum) => Math.max(0, sum));
    case 'tanh':
      return sums.map(Math.tanh);
    case 'sigmoid':
      return sums.map((sum) => 1 / (1 + Math.exp(-sum)));
    case 'softmax': {
      const exponentials = sums.map(Math.exp);
      const total = exponentials.reduce((sum, value) => sum + value, 0);
      return exponentials.map((value) => value / total);
    }
  }
}
