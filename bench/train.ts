import type { ModelSpec } from '../lib/contract/model-spec.ts';
import { shuffledBatches } from '../lib/learning/batch-source.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { loadTrainer } from '../lib/learning/tfjs/load-trainer.ts';
import { useStockMatMul, useTransposingMatMul } from '../lib/learning/tfjs/transposing-mat-mul.ts';
import type { Trainer } from '../lib/learning/trainer.ts';
import { pieceRows } from '../lib/privacy/mechanism.ts';

const spec: ModelSpec = {
  kind: 'dense',
  inputs: 64,
  layers: [
    { units: 256, activation: 'relu' },
    { units: 256, activation: 'relu' },
    { units: 2, activation: 'softmax' },
  ],
  initial: { kind: 'glorot-uniform', seed: 1 },
};
const ROWS = 1024;
const REPEATS = 12;
const PAIRS = 41;
/** Rows of all steps of one side of a pair: some 80 ms. */
const ROWS_OF_A_SIDE = 2560;
const STEPS = 20;
const BATCH_SIZES = [32, 64, 128, 256, 512];

/**
 * Training of a 64-256-256-2 net on the wasm backend: the package's own matMul kernel against ours, and the cpu backend
 * against ours, alternating in one process, so that the ratios depend little on the machine's speed; processor time, and
 * the least of the repeats, so that they depend little on what else it does.
 */
export async function benchTrain(): Promise<void> {
  const [wasm, cpu] = [await loadTrainer('wasm'), await loadTrainer('cpu')];
  const rows = syntheticRows();
  process.stdout.write(
    '64-256-256-2, SGD, milliseconds of processor time per step (least of the repeats) and ratios to ours\n\n',
  );
  process.stdout.write(line(['batch', 'ours', 'stock', 'cpu', 'stock/ours', 'cpu/ours']));
  for (const batchSize of BATCH_SIZES) {
    const request = { ...rows, batchSize };
    const ours = new Stopwatch(wasm, { ...request, steps: STEPS });
    const stock = new Stopwatch(wasm, { ...request, steps: STEPS });
    const plain = new Stopwatch(cpu, { ...request, steps: 1 });
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      useStockMatMul();
      await stock.run();
      useTransposingMatMul();
      await ours.run();
      await plain.run();
    }
    const ms = [ours, stock, plain].map((watch) => watch.msPerStep());
    const ratios = ms.slice(1).map((value) => value / (ms[0] ?? 1));
    process.stdout.write(line([String(batchSize), ...[...ms, ...ratios].map((value) => value.toFixed(2))]));
  }
  await benchClipped(wasm, rows);
}

/** A sum of clipped per-example gradients, weights up and sums down included, against a plain step: pairs, side by side. */
async function benchClipped(trainer: Trainer, rows: ReturnType<typeof syntheticRows>): Promise<void> {
  process.stdout.write(`\nclipped sum / plain step, ${PAIRS} pairs each: quartiles of the ratio\n\n`);
  process.stdout.write(line(['batch', 'plain ms', 'clipped ms', 'lower', 'median', 'upper']));
  for (const batchSize of BATCH_SIZES) {
    const measured = { ...rows, batchSize, steps: Math.max(5, Math.ceil(ROWS_OF_A_SIDE / batchSize)) };
    const plain = new Stopwatch(trainer, measured);
    const clipped = new ClippedStopwatch(trainer, measured);
    const pairs: { readonly plain: number; readonly clipped: number }[] = [];
    for (let pair = 0; pair < PAIRS; pair++) pairs.push({ plain: await plain.once(), clipped: await clipped.once() });
    const middle = (values: readonly number[], part: number): string =>
      (values.toSorted((a, b) => a - b)[Math.round(part * (values.length - 1))] ?? NaN).toFixed(2);
    const ratios = pairs.map((pair) => pair.clipped / pair.plain);
    const ms = [pairs.map((pair) => pair.plain), pairs.map((pair) => pair.clipped)].map((values) =>
      middle(values, 0.5),
    );
    process.stdout.write(line([String(batchSize), ...ms, ...[0.25, 0.5, 0.75].map((part) => middle(ratios, part))]));
  }
}

interface Measured {
  readonly features: Float32Array;
  readonly labels: Int32Array;
  readonly batchSize: number;
  readonly steps: number;
}

/** Least time of a round less the least time of a round without steps, which uploads rows and computes a loss. */
class Stopwatch {
  readonly #trainer: Trainer;
  readonly #measured: Measured;
  #fastest = Infinity;
  #fastestWithoutSteps = Infinity;

  constructor(trainer: Trainer, measured: Measured) {
    this.#trainer = trainer;
    this.#measured = measured;
  }

  async run(): Promise<void> {
    this.#fastestWithoutSteps = Math.min(this.#fastestWithoutSteps, await this.#round(0));
    this.#fastest = Math.min(this.#fastest, await this.#round(this.#measured.steps));
  }

  msPerStep(): number {
    return (this.#fastest - this.#fastestWithoutSteps) / this.#measured.steps;
  }

  /** Milliseconds of processor time per step, now. */
  async once(): Promise<number> {
    const { steps } = this.#measured;
    return ((await this.#round(steps)) - (await this.#round(0))) / steps;
  }

  async #round(localSteps: number): Promise<number> {
    const { features, labels, batchSize } = this.#measured;
    const plan = { optimizer: 'sgd', learningRate: 0.05, localSteps, batchSize, proximalMu: 0 } as const;
    const batches = shuffledBatches({ rows: ROWS, batchSize, seed: new Uint8Array(32) });
    const weights = initialWeights(spec);
    return processorMs(() => this.#trainer.train({ spec, plan, weights, features, labels, batches }));
  }
}

/** Sums of clipped gradients, weights up and sums down included, each of a batch of its own. */
class ClippedStopwatch {
  readonly #trainer: Trainer;
  readonly #measured: Measured;

  constructor(trainer: Trainer, measured: Measured) {
    this.#trainer = trainer;
    this.#measured = measured;
  }

  /** Milliseconds of processor time per sum, now. */
  async once(): Promise<number> {
    const { features, labels, batchSize, steps } = this.#measured;
    const batches = shuffledBatches({ rows: ROWS, batchSize, seed: new Uint8Array(32) });
    const request = {
      spec,
      weights: initialWeights(spec),
      features,
      labels,
      clip: 0.7,
      pieceRows: pieceRows(batchSize),
    };
    const took = await processorMs(async () => {
      for (let step = 0; step < steps; step++) {
        await this.#trainer.clippedSum({ ...request, rows: batches(step) ?? new Int32Array(0) });
      }
    });
    return took / steps;
  }
}

async function processorMs(job: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await job();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Two classes that a plane nearly separates; values do not matter to the speed. */
function syntheticRows(): { features: Float32Array; labels: Int32Array } {
  const features = Float32Array.from({ length: ROWS * spec.inputs }, (_, i) => Math.sin(i * 12.9898) * 1.5);
  const labels = Int32Array.from({ length: ROWS }, (_, row) => ((features[row * spec.inputs] ?? 0) > 0 ? 1 : 0));
  return { features, labels };
}

const line = (cells: readonly string[]): string => `${cells.map((cell) => cell.padStart(14)).join('')}\n`;
