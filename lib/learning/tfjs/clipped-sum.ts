import * as tf from '@tensorflow/tfjs-core';
import { eventLoopTurns } from '../event-loop-turns.ts';
import type { ClippedSum, ClippedSumRequest } from '../trainer.ts';
import { backpropagate, summed, tensorsOf, type LayerRecord } from './dense-net.ts';
import { checkTable, pick } from './labelled-rows.ts';

/** Rows that go through the net at once, to bound memory; a row's gradient does not depend on the others to the bit. */
const BLOCK_ROWS = 512;
/** Fewer rows than this keep a kernel from its speed, so that a smaller piece is rather cut out of a larger block. */
const LEAST_BLOCK_ROWS = 64;
/** Part of C that is left for the float32 rounding of a scaled gradient: half for relative errors, half for absolute ones. */
const CLIP_MARGIN = 2 ** -10;
/** Least normal float32: below it rounding is no longer relative. */
const LEAST_NORMAL = 2 ** -126;
/** Most that rounding changes a product that is close to 0. */
const LEAST_STEP = 2 ** -149;

/**
 * Sum of per-example gradients, each clipped, by book-keeping (Bu et al. 2023): inputs `a` and derivatives `g` of every
 * layer with the rows kept apart, squared norm of a row Σ (‖a‖² + 1)·‖g‖², one contraction of `a` with the scaled `g`.
 */
export async function clippedSum(request: ClippedSumRequest): Promise<ClippedSum> {
  const { spec, weights, rows, pieceRows } = request;
  checkBounds(request);
  const blockRows = pieceRows < LEAST_BLOCK_ROWS ? BLOCK_ROWS : Math.min(BLOCK_ROWS, pieceRows);
  const total: Total = { sum: new Float64Array(weights.length), empty: true, nonFiniteRows: 0 };
  const parameters = tensorsOf(spec, weights);
  const turn = eventLoopTurns();
  try {
    for (let start = 0; start < rows.length; start += blockRows) {
      tf.tidy(() => {
        const block = pick(request, rows.subarray(start, start + blockRows));
        addBlock(total, backpropagate(spec, parameters, { rows: block, divisor: 1 }), request);
      });
      await turn();
    }
    return { sum: total.sum, nonFiniteRows: total.nonFiniteRows };
  } finally {
    tf.dispose(parameters);
  }
}

interface Total {
  readonly sum: Float64Array;
  /** True until the first piece was added. */
  empty: boolean;
  nonFiniteRows: number;
}

function addBlock(total: Total, records: readonly LayerRecord[], { clip, pieceRows }: ClippedSumRequest): void {
  const inputs = records.map(({ input }) => squaredNorms(input));
  const norms = rowNorms(inputs, records);
  const scales = norms.map((norm) => Math.min(1, (clip * (1 - CLIP_MARGIN)) / norm));
  const factors = tf.tensor2d(Float32Array.from(scales), [norms.length, 1]);
  const scaled = records.map(({ input, upstream }) => ({ input, upstream: tf.mul<tf.Tensor2D>(upstream, factors) }));
  // A row that was not finite still is not; and where a factor, or what it gives, is close to the least float32, scaling
  // rounds by up to its own size, so that what came of it is measured.
  const rough =
    scales.some((scale) => !(scale >= LEAST_NORMAL)) || absoluteErrors(inputs, records) > (clip * CLIP_MARGIN) / 2;
  const reached = rough ? rowNorms(inputs, scaled) : norms.map((norm, row) => norm * (scales[row] ?? NaN));
  const within = [...reached.entries()].flatMap(([row, norm]) => (norm <= clip ? [row] : []));
  total.nonFiniteRows += norms.length - within.length;
  // A factor of 0 would not do: 0 · ∞ is not a number.
  const kept = within.length === norms.length ? scaled : scaled.map((record) => rowsOf(record, within));
  for (let start = 0; start < within.length; start += pieceRows) {
    const rows = Math.min(pieceRows, within.length - start);
    const piece = rows === within.length ? kept : kept.map((record) => slice(record, start, rows));
    addPiece(total, piece);
  }
}

/** Most that the absolute rounding of every product can add to the norm of a row's scaled gradient. */
function absoluteErrors(inputs: readonly Float64Array[], records: readonly LayerRecord[]): number {
  const squares = records.map(({ upstream }, layer) => {
    const largest = inputs[layer]?.reduce((most, square) => Math.max(most, square), 0) ?? Infinity;
    return (largest + 1) * upstream.shape[1];
  });
  return LEAST_STEP * Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
}

/** L2 norm of each row's gradient over all layers; not finite where one of its parts is not. `inputs`: ‖a‖², by layer. */
function rowNorms(inputs: readonly Float64Array[], records: readonly LayerRecord[]): Float64Array {
  const squares = new Float64Array(inputs[0]?.length ?? 0);
  for (const [layer, { upstream }] of records.entries()) {
    squaredNorms(upstream).forEach((square, row) => {
      squares[row] = (squares[row] ?? 0) + ((inputs[layer]?.[row] ?? 0) + 1) * square;
    });
  }
  return squares.map(Math.sqrt);
}

/** In float64, where no square of a float32 is lost and none is too large. */
function squaredNorms(rows: tf.Tensor2D): Float64Array {
  const [count, width] = rows.shape;
  const values = rows.dataSync<'float32'>();
  const norms = new Float64Array(count);
  for (let row = 0, at = 0; row < count; row++) {
    let sum = 0;
    for (const end = at + width; at < end; at++) sum += (values[at] ?? 0) ** 2;
    norms[row] = sum;
  }
  return norms;
}

const rowsOf = ({ input, upstream }: LayerRecord, rows: readonly number[]): LayerRecord => ({
  input: tf.gather(input, tf.tensor1d([...rows], 'int32')),
  upstream: tf.gather(upstream, tf.tensor1d([...rows], 'int32')),
});

const slice = ({ input, upstream }: LayerRecord, start: number, rows: number): LayerRecord => ({
  input: tf.slice(input, [start, 0], [rows, -1]),
  upstream: tf.slice(upstream, [start, 0], [rows, -1]),
});

function addPiece(total: Total, piece: readonly LayerRecord[]): void {
  const { sum, empty } = total;
  let offset = 0;
  for (const tensor of piece.flatMap(summed)) {
    const values = tensor.dataSync<'float32'>();
    if (empty) sum.set(values, offset);
    else for (let i = 0; i < values.length; i++) sum[offset + i] = (sum[offset + i] ?? 0) + (values[i] ?? 0);
    offset += values.length;
  }
  total.empty = false;
}

function checkBounds(request: ClippedSumRequest): void {
  const { clip, pieceRows } = request;
  checkTable(request);
  if (!(clip > 0 && Number.isFinite(clip))) throw new RangeError('a clip is a positive number');
  if (!Number.isInteger(pieceRows) || pieceRows < 1) throw new RangeError('a piece has at least one row');
}
