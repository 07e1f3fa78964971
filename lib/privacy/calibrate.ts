import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { epsilonOf } from './epsilon.ts';
import { INTEGER_ORDERS } from './rdp.ts';

interface PrivacyTarget {
  /** Above 0. */
  readonly epsilon: number;
  /** Between 0 and 1. */
  readonly delta: number;
  /** In (0, 1]. */
  readonly samplingRate: number;
  /** At least 1. */
  readonly steps: number;
  /** Orders of RDP; only integer ones hold for discrete noise. */
  readonly orders?: readonly number[];
}

const LARGEST_EXPONENT = 6;
const SMALLEST_EXPONENT = -4;
/** A multiplier has six significant digits; rounding up costs less than 0.001 % of it. */
const DIGITS = 6;

/**
 * The smallest noise multiplier of six significant digits whose ε after `steps` steps is at most the target: the next
 * smaller one exceeds it. Refuses with E-CONFIG where no multiplier from 10^-4 to 10^6 is that one.
 */
export function calibrateNoiseMultiplier(target: PrivacyTarget): Result<number, Refusal> {
  const { epsilon, delta, samplingRate, steps, orders = INTEGER_ORDERS } = target;
  if (!(epsilon > 0 && epsilon < Infinity)) throw new RangeError('a target ε is above 0');
  if (!Number.isSafeInteger(steps) || steps < 1) throw new RangeError('there is at least one step');
  const suffices = (noiseMultiplier: number): boolean =>
    epsilonOf([{ samplingRate, noiseMultiplier, count: steps }], delta, orders) <= epsilon;
  if (!suffices(10 ** LARGEST_EXPONENT)) return err(unreachable('no noise multiplier up to 10^6 reaches this ε'));
  let exponent = LARGEST_EXPONENT;
  while (exponent > SMALLEST_EXPONENT && suffices(Number(`1e${exponent - 1}`))) exponent -= 1;
  if (exponent === SMALLEST_EXPONENT) return err(unreachable('this ε asks for a noise multiplier below 10^-4'));
  // Read as a decimal, so that it prints with no more digits than these.
  const multiplier = (digits: number): number => Number(`${digits}e${exponent - DIGITS}`);
  let [tooLittle, enough] = [10 ** (DIGITS - 1), 10 ** DIGITS];
  while (enough - tooLittle > 1) {
    const middle = Math.floor((tooLittle + enough) / 2);
    if (suffices(multiplier(middle))) enough = middle;
    else tooLittle = middle;
  }
  return ok(multiplier(enough));
}

const unreachable = (detail: string): Refusal => refusal('E-CONFIG', detail);
