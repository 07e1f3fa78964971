import { utf8 } from './bytes.ts';
import { hash } from './hash.ts';

/**
 * 32 secret bytes for a named purpose of a study: noise root, salts, sampling. Asked twice for one purpose, a seeded
 * source answers alike and the system's answers anew.
 */
export type StudyRandom = (purpose: string) => Uint8Array;

/** Only in simulation (PROTOCOL §2.4): everything follows from `seed`, so that a run can be repeated. */
export const seededStudyRandom =
  (seed: Uint8Array): StudyRandom =>
  (purpose) =>
    hash('seed', seed, utf8(purpose));

/** `random`: the operating system's CSPRNG. */
export const systemStudyRandom =
  (random: (length: number) => Uint8Array): StudyRandom =>
  () =>
    random(32);
