import { u64be, utf8 } from '../core/bytes.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';

/** What chance decides in one hospital's training on one parent model. */
export interface TrainingRandom {
  /** 32 bytes: which rows stand in which mini-batch. */
  readonly batchSeed: Uint8Array;
  /** 32 secret bytes, for this plaintext and no other. */
  readonly saltFor: (plaintext: Uint8Array) => Uint8Array;
  /**
   * 32 secret bytes for one use: the Poisson sample, or the noise, of one step (0, 1, 2, …). `binding` names everything
   * else that the step's sum follows from: two different sums must never get the same noise, whose difference would
   * then be theirs.
   */
  readonly stepSeed: (purpose: 'sample' | 'noise', binding: Digest, step: number) => Uint8Array;
}

/**
 * Follows from the hospital's training secret (32 bytes) and the parent model: trained again after its payload was lost,
 * also under a successor contract, the same data give the same bytes, which cost nothing again (PROTOCOL §7.5). The salt
 * depends on the plaintext too, so that other data never share a salt.
 */
export function trainingRandom(secret: Uint8Array, parent: Digest): TrainingRandom {
  const derive = (purpose: string, ...fields: readonly Uint8Array[]): Uint8Array =>
    hash('training', secret, parent, utf8(purpose), ...fields);
  return {
    batchSeed: derive('batches'),
    saltFor: (plaintext) => derive('salt', plaintext),
    stepSeed: (purpose, binding, step) => derive(purpose, binding, u64be(step)),
  };
}
