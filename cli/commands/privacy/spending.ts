import type { Command } from 'commander';
import { epsilonOf } from '../../../lib/privacy/epsilon.ts';
import type { CliIo } from '../../command-module.ts';
import { wrapped } from '../../output/printable.ts';
import { realNumber, wholeNumber } from '../option-values.ts';

const MOST_STEPS = 1_000_000_000;
const MOST_COLUMNS = 110;
const DIGITS = 5;

/** One training: the same step again and again. */
export interface Spending {
  readonly samplingRate: number;
  readonly noiseMultiplier: number;
  readonly steps: number;
  readonly delta: number;
}

/** The options that each question about a training needs. */
export const addTrainingOptions = (command: Command): Command =>
  command
    .requiredOption(
      '--sampling-rate <q>',
      'probability with which each patient is in a step',
      realNumber('above 0 and up to 1', (value) => value > 0 && value <= 1),
    )
    .requiredOption('--steps <number>', 'steps of the training, each with a fresh sample', wholeNumber(MOST_STEPS))
    .requiredOption(
      '--delta <d>',
      'probability left for worse, far below 1 / patients',
      realNumber('between 0 and 1', (value) => value > 0 && value < 1),
    );

/** Says what `spending` amounts to, rounded up. */
export function showSpending(spending: Spending, io: CliIo, json: true | undefined): void {
  const { samplingRate, noiseMultiplier, steps, delta } = spending;
  const epsilon = epsilonOf([{ samplingRate, noiseMultiplier, count: steps }], delta);
  if (json) {
    io.stdout.write(`${JSON.stringify({ type: 'privacy', epsilon, ...spending, neighbouring: 'add-remove' })}\n`);
    return;
  }
  const text =
    `for ${steps} ${steps === 1 ? 'step' : 'steps'}, each on a Poisson sample that holds a patient with probability ` +
    `${samplingRate}, with noise of ${noiseMultiplier} times the most that one patient changes a step. It bounds what ` +
    'all results together tell about one patient who is added or removed. A patient is what the training samples and ' +
    'clips as one: where that is a record, it is a record that is protected.';
  io.stdout.write(
    [
      `epsilon           ${roundedUp(epsilon)}`,
      `delta             ${delta}`,
      `noise multiplier  ${noiseMultiplier}`,
      '',
      ...wrapped(text, Math.min(io.stdout.size().columns, MOST_COLUMNS) - 1),
      '',
    ].join('\n'),
  );
}

/** The nearest number of five digits that is not smaller. */
function roundedUp(value: number): number {
  const [digits = '', exponent = ''] = value.toExponential(DIGITS - 1).split('e');
  const rounded = Number(`${digits}e${exponent}`);
  if (rounded >= value) return rounded;
  return Number(`${Number(digits.replace('.', '')) + 1}e${Number(exponent) - DIGITS + 1}`);
}
