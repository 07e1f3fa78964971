import type { FeatureTable } from '../../../lib/data/featurise.ts';

/** Maximum likelihood by Newton's method in float64, written apart from the product so that it can judge it. */

const at = (values: readonly number[], index: number): number => values[index] ?? Number.NaN;
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * at(b, i), 0);

export function predict(theta: readonly number[], rows: readonly (readonly number[])[]): number[] {
  return rows.map((row) => 1 / (1 + Math.exp(-dot(row, theta))));
}

export function fitLogistic({ rows, labels }: { rows: readonly number[][]; labels: readonly number[] }): number[] {
  const size = rows[0]?.length ?? 0;
  let theta = new Array<number>(size).fill(0);
  for (let step = 0; step < 25; step++) {
    const p = predict(theta, rows);
    const gradient = theta.map((_, j) =>
      rows.reduce((sum, row, i) => sum + at(row, j) * (at(labels, i) - at(p, i)), 0),
    );
    const hessian = theta.map((_, j) =>
      theta.map((__, k) => {
        const sum = rows.reduce((s, row, i) => s + at(row, j) * at(row, k) * at(p, i) * (1 - at(p, i)), 0);
        return j === k ? sum + 1e-6 : sum;
      }),
    );
    const move = solve(hessian, gradient);
    theta = theta.map((value, j) => value + at(move, j));
  }
  return theta;
}

/** Gauss elimination of a positive definite system. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, at(right, i)]);
  const size = rows.length;
  rows.forEach((pivot, i) => {
    rows.slice(i + 1).forEach((row) => {
      const factor = at(row, i) / at(pivot, i);
      for (let k = i; k <= size; k++) row[k] = at(row, k) - factor * at(pivot, k);
    });
  });
  const out = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    const row = rows[i] ?? [];
    const known = out.reduce((sum, value, k) => (k > i ? sum + value * at(row, k) : sum), 0);
    out[i] = (at(row, size) - known) / at(row, i);
  }
  return out;
}

/** Share of (positive, negative) pairs in the right order; ties count half. */
export function areaUnderCurve(scores: readonly number[], labels: readonly number[]): number {
  const positive = scores.filter((_, i) => labels[i] === 1);
  const negative = scores.filter((_, i) => labels[i] !== 1);
  let won = 0;
  for (const p of positive) for (const n of negative) won += p > n ? 1 : p === n ? 0.5 : 0;
  return won / (positive.length * negative.length);
}

export function logLoss(scores: readonly number[], labels: readonly number[]): number {
  const terms = scores.map((p, i) => -Math.log(labels[i] === 1 ? p : 1 - p));
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

/** The rows of several hospitals, each with a 1 for the bias behind its features. */
export function pool(tables: readonly FeatureTable[]): { rows: number[][]; labels: number[] } {
  const rows = tables.flatMap(({ features, rows: count }) => {
    const inputs = features.length / count;
    return Array.from({ length: count }, (_, row) => [...features.subarray(row * inputs, (row + 1) * inputs), 1]);
  });
  return { rows, labels: tables.flatMap(({ labels }) => [...labels]) };
}
