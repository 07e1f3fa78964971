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
const TURNS = 25;
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

/**
 * A sum of clipped per-example gradients, weights up and sums down included, against a plain step, in turns. The least
 * of the repeats is what the work costs; the medians say how much else the machine did.
 */
async function benchClipped(trainer: Trainer, rows: ReturnType<typeof syntheticRows>): Promise<void> {
  process.stdout.write(`\nsum of clipped gradients / plain step, ${TURNS} turns each\n\n`);
  process.stdout.write(line(['batch', 'plain', 'clipped', 'clipped/plain', 'medians', 'their ratio']));
  for (const batchSize of BATCH_SIZES) {
    const plain = new Stopwatch(trainer, { ...rows, batchSize, steps: STEPS });
    const clipped = new ClippedStopwatch(trainer, { ...rows, batchSize, steps: STEPS });
    const [whole, empty, sums]: number[][] = [[], [], []];
    for (let turn = 0; turn < TURNS; turn++) {
      empty?.push(await plain.round(0));
      whole?.push(await plain.round(STEPS));
      sums?.push(await clipped.once());
    }
    const [least, middle] = [Math.min, median].map((of) => {
      const step = (of(...(whole ?? [])) - of(...(empty ?? []))) / STEPS;
      const sum = of(...(sums ?? []));
      return { step, sum, ratio: sum / step };
    });
    if (least === undefined || middle === undefined) return;
    const shown = [least.step, least.sum, least.ratio].map((value) => value.toFixed(2));
    const medians = `${middle.step.toFixed(2)}, ${middle.sum.toFixed(2)}`;
    process.stdout.write(line([String(batchSize), ...shown, medians, middle.ratio.toFixed(2)]));
  }
}

const median = (...values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

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
    this.#fastestWithoutSteps = Math.min(this.#fastestWithoutSteps, await this.round(0));
    this.#fastest = Math.min(this.#fastest, await this.round(this.#measured.steps));
  }

  msPerStep(): number {
    return (this.#fastest - this.#fastestWithoutSteps) / this.#measured.steps;
  }

  /** Milliseconds of processor time of a round of so many steps. */
  async round(localSteps: number): Promise<number> {
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
