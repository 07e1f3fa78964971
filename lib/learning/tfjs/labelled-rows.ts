import * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../contract/model-spec.ts';

/** A training set as the trainer gets it. */
export interface RowTable {
  readonly spec: ModelSpec;
  /** rows × inputs, row-major. */
  readonly features: Float32Array;
  /** One class index per row. */
  readonly labels: Float32Array | Int32Array;
}

/** Rows on the backend; the caller disposes them. */
export interface LabelledRows {
  /** rows × inputs. */
  readonly features: tf.Tensor2D;
  /** 0/1 (rows × 1) or one-hot (rows × k). */
  readonly targets: tf.Tensor2D;
}

/** Throws RangeError for features or labels that do not fit the model. */
export function checkTable({ spec, features, labels }: RowTable): void {
  const classes = Math.max(2, unitsOf(spec));
  if (features.length !== labels.length * spec.inputs) throw new RangeError('features are not rows × inputs');
  if (!labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes)) {
    throw new RangeError('a label is not a class of the model');
  }
}

/** The named rows; throws RangeError for one that is not there. */
export function pick({ spec, features, labels }: RowTable, rows: Int32Array): LabelledRows {
  if (rows.some((row) => labels[row] === undefined)) throw new RangeError('a batch names a row that does not exist');
  const picked = new Float32Array(rows.length * spec.inputs);
  rows.forEach((row, at) => {
    picked.set(features.subarray(row * spec.inputs, (row + 1) * spec.inputs), at * spec.inputs);
  });
  return upload({ spec, features: picked, labels: Float32Array.from(rows, (row) => labels[row] ?? 0) });
}

export function upload({ spec, features, labels }: RowTable): LabelledRows {
  const units = unitsOf(spec);
  const targets = new Float32Array(labels.length * units);
  labels.forEach((label, row) => {
    if (units === 1) targets[row] = label;
    else targets[row * units + label] = 1;
  });
  return {
    features: tf.tensor2d(features, [labels.length, spec.inputs]),
    targets: tf.tensor2d(targets, [labels.length, units]),
  };
}

export const unitsOf = (spec: ModelSpec): number => spec.layers.at(-1)?.units ?? 0;
