import { u64be, utf8 } from '../core/bytes.ts';
import { uniformBelow } from '../core/uniform-below.ts';
import { randomWords } from './random-words.ts';

/** Rows of optimiser step `step` (0, 1, 2, …) in one round; null means every row. Pure: asked twice, answers alike. */
export type BatchSource = (step: number) => Int32Array | null;

interface ShufflePlan {
  /** Rows of the training set, at least 1. */
  readonly rows: number;
  /** Rows in a mini-batch; null, or at least `rows`: every row in every step. */
  readonly batchSize: number | null;
  /** 32 bytes, fresh for each round. */
  readonly seed: Uint8Array;
}

/**
 * Passes over the rows in a new random order each time; the last batch of a pass holds what is left and may be
 * shorter. Permutations are Fisher–Yates over an unbiased SHA-256 stream of (seed, pass).
 */
export function shuffledBatches({ rows, batchSize, seed }: ShufflePlan): BatchSource {
  if (!Number.isInteger(rows) || rows < 1) throw new RangeError('batches need at least one row');
  if (seed.length !== 32) throw new RangeError('a batch seed has 32 bytes');
  if (batchSize === null || batchSize >= rows) return () => null;
  const perPass = Math.ceil(rows / batchSize);
  let last = { pass: 0, order: permutation(rows, seed, 0) };
  return (step) => {
    const pass = Math.floor(step / perPass);
    if (pass !== last.pass) last = { pass, order: permutation(rows, seed, pass) };
    const start = (step % perPass) * batchSize;
    return last.order.slice(start, start + batchSize);
  };
}

/** Row indices given step by step; throws beyond the last. */
export function explicitBatches(batches: readonly (readonly number[])[]): BatchSource {
  return (step) => {
    const rows = batches[step];
    if (rows === undefined) throw new RangeError('no batch for this step');
    return Int32Array.from(rows);
  };
}

function permutation(rows: number, seed: Uint8Array, pass: number): Int32Array {
  const words = randomWords('seed', utf8('batches'), seed, u64be(pass));
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  for (let i = rows - 1; i > 0; i--) {
    const j = uniformBelow(i + 1, words);
    const held = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = held;
  }
  return order;
}
