import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

interface LogisticProblem {
  /** rows × inputs, row-major. */
  readonly features: ArrayLike<number>;
  /** 0 or 1, one per row. */
  readonly labels: ArrayLike<number>;
  readonly inputs: number;
  /** ½·ridge·‖coefficients‖², intercept not penalised; 0: plain maximum likelihood. */
  readonly ridge: number;
}

const MAX_ITERATIONS = 100;
const STEP_TOLERANCE = 1e-10;

/**
 * Logistic regression to convergence by Newton's method in float64: the pooled and local-only baselines that federated
 * results are compared with. Gives the coefficients and then the intercept. E-TRAINING-DIVERGED where no finite optimum
 * was found: with ridge 0 that is separable data, such as a hospital whose rows are all positive.
 */
export function fitLogistic(problem: LogisticProblem): Result<Float64Array, Refusal> {
  let weights = new Float64Array(problem.inputs + 1);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const { gradient, hessian } = derivatives(problem, weights);
    const step = solvePositiveDefinite(hessian, gradient);
    if (step === null) break;
    weights = weights.map((weight, i) => weight - (step[i] ?? 0));
    if (step.every((value) => Math.abs(value) <= STEP_TOLERANCE)) return ok(weights);
  }
  return err(refusal('E-TRAINING-DIVERGED', 'the likelihood has no finite maximum'));
}

function derivatives({ features, labels, inputs, ridge }: LogisticProblem, weights: Float64Array): Derivatives {
  const size = inputs + 1;
  const gradient = weights.map((weight, i) => (i < inputs ? ridge * weight : 0));
  const hessian = Array.from({ length: size }, (_, i) => {
    const line = new Float64Array(size);
    if (i < inputs) line[i] = ridge;
    return line;
  });
  const row = new Float64Array(size).fill(1);
  for (let at = 0; at < labels.length; at++) {
    for (let i = 0; i < inputs; i++) row[i] = features[at * inputs + i] ?? 0;
    const logit = row.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0);
    const probability = 1 / (1 + Math.exp(-logit));
    const residual = probability - (labels[at] ?? 0);
    const curvature = probability * (1 - probability);
    hessian.forEach((line, i) => {
      const value = row[i] ?? 0;
      gradient[i] = (gradient[i] ?? 0) + residual * value;
      for (let j = 0; j < size; j++) line[j] = (line[j] ?? 0) + curvature * value * (row[j] ?? 0);
    });
  }
  return { gradient, hessian };
}

interface Derivatives {
  readonly gradient: Float64Array;
  readonly hessian: readonly Float64Array[];
}

/** Cholesky; null when the matrix is not numerically positive definite. */
function solvePositiveDefinite(matrix: readonly Float64Array[], right: Float64Array): Float64Array | null {
  const size = right.length;
  const lower = matrix.map(() => new Float64Array(size));
  const dot = (a: Float64Array, b: Float64Array, terms: number): number =>
    a.subarray(0, terms).reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
  for (const [i, line] of lower.entries()) {
    for (const [j, other] of lower.slice(0, i + 1).entries()) {
      const rest = (matrix[i]?.[j] ?? 0) - dot(line, other, j);
      if (i === j && !(rest > 0)) return null;
      line[j] = i === j ? Math.sqrt(rest) : rest / (other[j] ?? 1);
    }
  }
  const forward = new Float64Array(size);
  for (const [i, line] of lower.entries()) forward[i] = ((right[i] ?? 0) - dot(line, forward, i)) / (line[i] ?? 1);
  const solution = new Float64Array(size);
  for (let i = size - 1; i >= 0; i--) {
    let rest = forward[i] ?? 0;
    for (let k = i + 1; k < size; k++) rest -= (lower[k]?.[i] ?? 0) * (solution[k] ?? 0);
    solution[i] = rest / (lower[i]?.[i] ?? 1);
  }
  return solution;
}
