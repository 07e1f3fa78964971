import { createHash } from 'node:crypto';
import { concatBytes, u64be, utf8 } from '../../core/bytes.ts';
import type { Digest } from '../../core/ids.ts';

/** `H("what", fields…)` of PROTOCOL §2.2 with Node's own SHA-256, so that verifying needs no package. */
function hash(what: string, ...fields: readonly Uint8Array[]): Digest {
  const parts = [utf8(`consilium/${what}/v1`), ...fields].flatMap((field) => [u64be(field.length), field]);
  return new Uint8Array(
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest(),
  ) as Digest;
}

/**
 * The nonce for the attached device with this index, counted from 0 over GPUs and switches in the order of their
 * evidence (PROTOCOL §4.12): no two devices are asked the same, so that one cannot answer for another.
 */
export const deviceNonce = (sessionNonce: Uint8Array, index: number): Digest =>
  hash('device-nonce', sessionNonce, u64be(index));

/** `deviceEvidence` of the binder (PROTOCOL §4.3): covers every piece of device evidence, in order, as it travels. */
export const deviceEvidenceDigest = (evidence: readonly Uint8Array[]): Digest => hash('device-evidence', ...evidence);
