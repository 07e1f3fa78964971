import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { encodeCbor } from '../lib/core/cbor.ts';
import { lengthPrefixed } from '../lib/core/hash.ts';
import type { Digest } from '../lib/core/ids.ts';
import { discreteGaussianVector } from '../lib/privacy/discrete-gaussian.ts';
import type { Mechanism } from '../lib/privacy/mechanism.ts';
import { secretWords } from '../lib/privacy/secret-words.ts';
import type { EnclaveEnvironment } from './state.ts';

interface Draw {
  readonly mechanism: Mechanism;
  readonly parent: Digest;
  /** Of the accepted updates: another set gets other noise, and the same set the same again (PROTOCOL §7.6). */
  readonly setRoot: Digest;
}

/**
 * One draw of the discrete Gaussian for each coordinate, in steps of the grid: integers. It follows from `NOISE_ROOT`,
 * so that a result that is computed again after a crash is the same, and from nothing that leaves the enclave.
 */
export function centralNoise(
  { sealed, layout, noiseRoot }: EnclaveEnvironment,
  { mechanism, parent, setRoot }: Draw,
): Float64Array {
  const { plan, sensitivity, deviation } = mechanism;
  const parameters = encodeCbor({ plan, grid: sealed.contract.grid, sensitivity, deviation });
  const info = lengthPrefixed('noise', sealed.digest, parent, setRoot, parameters);
  const seed = hkdf(sha256, noiseRoot, undefined, info, 32);
  return discreteGaussianVector(layout.length, deviation, secretWords(seed));
}
