import type { NoisePlan, PrivacyPlan } from '../../lib/contract/privacy-plan.ts';
import type { StudyFile } from '../../lib/contract/study-file.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { calibrateNoiseMultiplier } from '../../lib/privacy/calibrate.ts';

export type Placement = PrivacyPlan['placement'];
export const PLACEMENTS = ['none', 'site', 'enclave'] as const satisfies readonly Placement[];

/** What somebody asks of the noise; null or absent: as the study file says. */
export interface NoiseChoice {
  readonly placement: Placement;
  readonly epsilon?: number | null;
  readonly delta?: number | null;
  readonly rounds?: number | null;
  /** Of each hospital, as it publishes them. */
  readonly publicRecords: NoisePlan['publicRecords'];
}

/** Where a study adds noise when nobody says otherwise: in the enclave, if it can. */
export const usualPlacement = ({ noise }: StudyFile): Placement => (noise?.enclave === undefined ? 'none' : 'enclave');

/**
 * The study as it is run with that noise, and its privacy plan: the noise multiplier is calibrated to ε over all rounds.
 * Throws RefusalError: E-USAGE for a study that says nothing about this placement, E-CONFIG for an ε that no noise gives.
 */
export function chooseNoise(study: StudyFile, choice: NoiseChoice): { study: StudyFile; privacy: PrivacyPlan } {
  const { placement, publicRecords } = choice;
  const rounds = choice.rounds ?? null;
  if (placement === 'none') {
    if (typeof choice.epsilon === 'number' || typeof choice.delta === 'number')
      throw new RefusalError(refusal('E-USAGE', 'without noise there is no epsilon to aim at'));
    return { study: rounds === null ? study : { ...study, rounds }, privacy: { placement } };
  }
  const noisy = study.noise?.[placement];
  if (noisy === undefined) {
    const compared = { got: `noise: ${placement}`, want: `noise.${placement} in the study file` };
    throw new RefusalError(refusal('E-USAGE', 'the study does not say how to train with that noise', compared));
  }
  const { epsilon, delta, samplingRate, clip, ...training } = noisy;
  const chosen = { ...study, ...training, rounds: rounds ?? noisy.rounds };
  const target = { epsilon: choice.epsilon ?? epsilon, delta: choice.delta ?? delta, samplingRate };
  const steps = chosen.rounds * (placement === 'site' ? noisy.training.localSteps : 1);
  const noiseMultiplier = calibrateNoiseMultiplier({ ...target, steps });
  if (!noiseMultiplier.ok) throw new RefusalError(noiseMultiplier.error);
  return {
    study: chosen,
    privacy: {
      placement,
      ...target,
      unit: 'record',
      neighbouring: 'add-remove',
      clip,
      noiseMultiplier: noiseMultiplier.value,
      publicRecords,
    },
  };
}
