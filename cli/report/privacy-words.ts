import { bestTruePositiveRate } from '../../lib/privacy/membership-attack.ts';
import { decimals, grouped } from './format.ts';

/** Share of records outside the training data that an attacker is allowed to accuse wrongly. */
const FALSE_POSITIVES = 0.01;
/** Above this an attacker is right about nearly everybody. */
const NEXT_TO_NOTHING = 0.9;

/** Three digits, rounded up: less is never shown than was spent. */
export const epsilonText = (epsilon: number | null | undefined): string =>
  decimals(typeof epsilon === 'number' ? Math.ceil(epsilon * 1000 - 1e-6) / 1000 : null);

/** 0.0001 → `1 in 10 000`. */
export const oneIn = (share: number): string => `1 in ${grouped(Math.round(1 / share))}`;

/** 0.02728 → `2.8 %`, rounded up. */
const percentAtMost = (share: number): string => `${String(Math.min(100, Math.ceil(share * 1000 - 1e-6) / 10))}\u00a0%`;

/** What (ε, δ) means, in one sentence that needs no mathematics to be understood. */
export function meaningOf({ epsilon, delta }: { readonly epsilon: number; readonly delta: number }): string {
  const found = bestTruePositiveRate({ epsilon, delta }, FALSE_POSITIVES);
  const sentence =
    'somebody who sees every released model and knows everything else, and who may wrongly name 1 in 100 of the records ' +
    `that were not used for training, recognises at most ${percentAtMost(found)} of those that were; blind guessing ` +
    'recognises 1\u00a0%';
  return found > NEXT_TO_NOTHING ? `${sentence}. That is next to no protection` : sentence;
}

/** What left the hospitals, where the noise came in, and against whom it helps. */
export const NOISE_PLACES = {
  none: { where: 'nowhere', sent: 'updates without noise', against: 'nobody' },
  enclave: {
    where: 'in the enclave, once for all hospitals together',
    sent:
      'each hospital sent the sum of the clipped gradients of a random sample of its records; the enclave added the ' +
      'sums up, added the noise, and only then made a model of them',
    against:
      'everybody who sees released models, the other hospitals included; not against whoever can read the ' +
      'enclave’s memory, who sees each hospital’s sum before the noise',
  },
  site: {
    where: 'at each hospital, in every step of its training',
    sent: 'each hospital added the noise itself, before anything left the building',
    against: 'everybody outside the hospital: the enclave, the other hospitals, and all who see a model',
  },
} as const;
