import type { ModelSpec, TrainingPlan } from '../contract/model-spec.ts';
import type { BatchSource } from './batch-source.ts';

export interface TrainingRequest {
  readonly spec: ModelSpec;
  readonly plan: TrainingPlan;
  /** Parent weights in layout order; not changed. */
  readonly weights: Float32Array;
  /** rows × inputs, row-major, already scaled. */
  readonly features: Float32Array;
  /** One class index per row: 0 or 1 for one sigmoid unit, 0 … k − 1 for k softmax units. */
  readonly labels: Float32Array | Int32Array;
  readonly batches: BatchSource;
}

export interface TrainingOutcome {
  /** Trained weights minus parent weights, in layout order. Not finite where training diverged; `toGrid` refuses it. */
  readonly delta: Float64Array;
  /** Mean loss of the *parent* over all rows, before the first step, in nats; averaged over sites by rows it is the study's objective. */
  readonly trainLoss: number;
}

export interface ClippedSumRequest {
  readonly spec: ModelSpec;
  /** In layout order; not changed. */
  readonly weights: Float32Array;
  /** rows × inputs, row-major, already scaled: the whole training set. */
  readonly features: Float32Array;
  readonly labels: Float32Array | Int32Array;
  /** The rows that are summed; may be empty. */
  readonly rows: Int32Array;
  /** C: largest L2 norm of one row's gradient. */
  readonly clip: number;
  /** Rows that may be added up in float32; what they give is added up in float64. */
  readonly pieceRows: number;
}

export interface ClippedSum {
  /** Σ over the rows of their gradients, each scaled to an L2 norm of `clip` or less; in layout order. */
  readonly sum: Float64Array;
  /**
   * Rows that count as zero because their gradient's norm is not finite, or so far above the clip that no float32 factor
   * scales it down. Depends on the data: for the local log only.
   */
  readonly nonFiniteRows: number;
}

export interface PredictionRequest {
  readonly spec: ModelSpec;
  readonly weights: Float32Array;
  /** rows × inputs, row-major. */
  readonly features: Float32Array;
}

/** A backend that was tried earlier and why it is not the one in use. */
export interface PassedOver {
  readonly backend: string;
  readonly reason: string;
}

/** The port to whatever computes gradients. Arguments of the wrong size throw RangeError. */
export interface Trainer {
  /** `tensorflow`, `wasm` or `cpu`. */
  readonly backend: string;
  readonly passedOver: readonly PassedOver[];
  /** `plan.localSteps` steps of SGD on the mean loss of each batch, plus μ·(w − parent) under FedProx. */
  train(request: TrainingRequest): Promise<TrainingOutcome>;
  /**
   * Σ of per-example gradients, each clipped (Abadi et al. 2016); no rows give zeros. On `wasm` and `cpu` what a row adds
   * is the same to the bit whatever other rows are summed.
   */
  clippedSum(request: ClippedSumRequest): Promise<ClippedSum>;
  /** Probability of class 1, one per row; with k ≥ 3 classes all of them, rows × k, row-major. */
  predict(request: PredictionRequest): Promise<Float32Array>;
}
