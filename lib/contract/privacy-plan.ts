import { z } from 'zod';
import { organisationId, positiveInteger } from './shapes.ts';

/**
 * What the contract says about one record's protection, wherever the noise is added. Sampler, clipping, noise and the
 * accountant all read it from `lib/privacy/mechanism.ts`, so that they cannot disagree.
 */
const protection = {
  /** What is protected: one row of one hospital's training data. */
  unit: z.literal('record'),
  /** Two data sets are neighbours when one has one record more. */
  neighbouring: z.literal('add-remove'),
  /** ε at `delta` that all rounds of the contract together may cost a record; the noise is calibrated to it. */
  epsilon: z.number().positive().max(1000),
  delta: z.number().positive().max(0.01),
  /** q: the chance of a record to be in one step's Poisson sample, each for itself. */
  samplingRate: z.number().min(1e-6).max(1),
  /** C: largest L2 norm of one record's gradient, in parameter units. */
  clip: z.number().positive().max(1e6),
  /** Deviation of the noise over the L2 sensitivity of the sum, rounding included. */
  noiseMultiplier: z.number().positive().max(1e6),
};
/** Training records that a hospital publishes, for weights and expected batches: public, and never its true count. */
const publicRecords = z
  .array(z.strictObject({ organisation: organisationId, records: positiveInteger.max(1_000_000_000) }))
  .min(1)
  .max(1000);

/**
 * `site`: every hospital adds the noise to each of its own steps (local DP-SGD). `enclave`: hospitals send sums of clipped
 * gradients and the enclave adds one draw. `none`: no noise, no guarantee.
 */
export const privacyPlan = z.discriminatedUnion('placement', [
  z.strictObject({ placement: z.literal('none') }),
  z.strictObject({ placement: z.literal('site'), ...protection, publicRecords }),
  z.strictObject({ placement: z.literal('enclave'), ...protection, publicRecords }),
]);
export type PrivacyPlan = z.output<typeof privacyPlan>;
/** A plan with noise. */
export type NoisePlan = Exclude<PrivacyPlan, { placement: 'none' }>;

/** ε that a contract may spend on a record; null: no noise, no ε. */
export const epsilonOfPlan = (plan: PrivacyPlan): number | null => (plan.placement === 'none' ? null : plan.epsilon);
