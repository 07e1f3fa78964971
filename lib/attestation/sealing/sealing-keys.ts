import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../core/bytes.ts';
import { refusal, RefusalError } from '../../core/errors.ts';
import { prefixFields } from '../../core/hash.ts';

const KEY_BYTES = 32;
const MIN_ROOT_BYTES = 16;

/** Keys that only this program on this platform gets (PROTOCOL §3). */
export interface SealingKeys {
  /**
   * 32 bytes, the same after a restart; another purpose gives another key. Rejects with RefusalError: E-SEAL-UNAVAILABLE,
   * or E-ATTEST-UNAVAILABLE where the platform does not answer.
   */
  keyFor(purpose: string): Promise<Uint8Array>;
}

export interface SealingRoot {
  /** Names the platform and what its key is bound to (`sgx-mrenclave`): two of them never give one key. */
  readonly name: string;
  /** The platform's own secret, 16 bytes or more; a copy that may be overwritten. */
  read(): Promise<Uint8Array>;
}

/**
 * HKDF-SHA256 of the platform's secret over lp("consilium/sealing-key/v1", root's name, purpose, study). The secret
 * itself is never a key, and is overwritten after each use.
 */
export const sealingKeys = (root: SealingRoot, study: string): SealingKeys => ({
  async keyFor(purpose) {
    const secret = await root.read();
    try {
      // Constants are what emulators and unprovisioned devices give.
      if (secret.length < MIN_ROOT_BYTES || secret.every((byte) => byte === secret[0]))
        throw noSealingKey(root.name, 'what the platform gave is no secret', 'check that this is real hardware');
      const info = prefixFields(utf8('consilium/sealing-key/v1'), utf8(root.name), utf8(purpose), utf8(study));
      return hkdf(sha256, secret, undefined, info, KEY_BYTES);
    } finally {
      secret.fill(0);
    }
  },
});

export const noSealingKey = (tried: string, said: string, next: string): RefusalError =>
  new RefusalError(refusal('E-SEAL-UNAVAILABLE', `${tried}: ${said}; ${next}`));
