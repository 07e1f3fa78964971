import type { NoisePlan } from '../contract/privacy-plan.ts';
import { parameterCount } from '../contract/model-spec.ts';
import type { StudyContract } from '../contract/study-contract.ts';
import { epsilonOf, type Composed } from './epsilon.ts';

/**
 * Sums of a batch are computed in float32 in pieces, and the pieces in float64. What a row adds is the same to the bit
 * whatever stands beside it, so that only adding up is inexact: by (m − 1) · m · 2^-24 · C at most for a piece of m rows,
 * and so by less than half of this part of C for a batch. Two neighbouring data sets may be off in opposite directions.
 */
const FLOAT32_MARGIN = 2 ** -6;
/** Rows of a batch × rows of a piece are at most this, or a piece is one row. */
const MOST_ROW_PRODUCTS = 2 ** 17;

/** Everything that has to agree for ε to be true, from one contract: what is sampled, clipped, noised and counted. */
export interface Mechanism {
  readonly plan: NoisePlan;
  /** Noised sums that one record can be part of in a round. */
  readonly stepsPerRound: number;
  /** How far one record can move a step's sum on the grid, in steps (L2), rounding included. */
  readonly sensitivity: number;
  /** Deviation of the discrete Gaussian that is added to it, in steps: an integer, rounded up. */
  readonly deviation: number;
}

/** null: the contract promises no noise. */
export function mechanismOf(contract: StudyContract): Mechanism | null {
  const { privacy: plan, training, grid, model } = contract;
  if (plan.placement === 'none') return null;
  const clip = plan.clip * 2 ** -grid.stepLog2;
  // Rounding moves each coordinate of either sum by half a step at most.
  const sensitivity = Math.ceil(clip * (1 + FLOAT32_MARGIN) + Math.sqrt(parameterCount(model.spec)));
  const deviation = Math.ceil(plan.noiseMultiplier * sensitivity);
  return { plan, stepsPerRound: plan.placement === 'site' ? training.localSteps : 1, sensitivity, deviation };
}

/** What a record that was in so many rounds has been exposed to. */
export function exposure({ plan, stepsPerRound }: Mechanism, rounds: number): readonly Composed[] {
  const { samplingRate, noiseMultiplier } = plan;
  return [{ samplingRate, noiseMultiplier, count: rounds * stepsPerRound }];
}

/** ε at the plan's δ of a record that was in `rounds` rounds. */
export const epsilonAfter = (mechanism: Mechanism, rounds: number): number =>
  rounds === 0 ? 0 : epsilonOf(exposure(mechanism, rounds), mechanism.plan.delta);

/** Noise beyond this many steps cannot be drawn exactly, and sums with it would leave the exact integers. */
const MAX_DEVIATION = 2 ** 40;

/** Why the noise of a contract does not keep the ε that it states; null: it does, or none is promised. */
export function brokenPromise(contract: StudyContract): string | null {
  const mechanism = mechanismOf(contract);
  if (mechanism === null) return null;
  const { epsilon } = mechanism.plan;
  if (mechanism.deviation > MAX_DEVIATION)
    return 'privacy: more noise than the grid can carry; a coarser step is needed';
  const spent = epsilonAfter(mechanism, contract.rounds);
  return spent <= epsilon * (1 + ACCOUNTING_TOLERANCE)
    ? null
    : `privacy: the noise gives an epsilon of ${spent.toFixed(4)}, not the ${epsilon} that is promised`;
}

/** For logarithms that differ in the last bits between machines. */
export const ACCOUNTING_TOLERANCE = 1e-9;

/** What a manifest of this round says was and will be spent; null: no noise. */
export function ledgerOf(
  mechanism: Mechanism | null,
  round: number,
): { epsilonBefore: number; epsilonAfter: number } | null {
  if (mechanism === null) return null;
  return { epsilonBefore: epsilonAfter(mechanism, round - 1), epsilonAfter: epsilonAfter(mechanism, round) };
}

/** What a passport says of the noise in the model of `round`, and what the study has cost a record by then. */
export interface Protection {
  readonly noise: {
    readonly mechanism: 'discrete-gaussian';
    readonly placement: NoisePlan['placement'];
    readonly sensitivity: number;
    readonly deviation: number;
    readonly samplingRate: number;
    readonly steps: number;
  } | null;
  readonly epsilonSpent: number | null;
  readonly epsilonLeft: number | null;
}

export function protectionOf(mechanism: Mechanism | null, round: number): Protection {
  if (mechanism === null) return { noise: null, epsilonSpent: null, epsilonLeft: null };
  const { plan, sensitivity, deviation, stepsPerRound: steps } = mechanism;
  const { placement, samplingRate, epsilon } = plan;
  const epsilonSpent = epsilonAfter(mechanism, round);
  const noise = { mechanism: 'discrete-gaussian', placement, sensitivity, deviation, samplingRate, steps } as const;
  return { noise, epsilonSpent, epsilonLeft: Math.max(0, epsilon - epsilonSpent) };
}

/** The weight of a hospital's update in the average: what it publishes, or 1 where sums are noised together. */
export const plannedWeight = (plan: NoisePlan, organisation: string): number =>
  plan.placement === 'enclave' ? 1 : publicRecordsOf(plan, organisation);

/** Records of a hospital as the contract publishes them. Throws for one that is not in it. */
export function publicRecordsOf({ publicRecords }: NoisePlan, organisation: string): number {
  const found = publicRecords.find(({ organisation: id }) => id === organisation);
  if (found === undefined) throw new RangeError('not an organisation of the contract');
  return found.records;
}

/** Expected records in one step's sample of these hospitals: public, whatever the sample turns out to be. */
export const expectedBatch = (plan: NoisePlan, organisations: readonly string[]): number =>
  plan.samplingRate * organisations.reduce((sum, id) => sum + publicRecordsOf(plan, id), 0);

/** Rows of a batch that may be summed in float32 at once; see FLOAT32_MARGIN. */
export const pieceRows = (batchRows: number): number =>
  Math.max(1, Math.floor(MOST_ROW_PRODUCTS / Math.max(1, batchRows)));
