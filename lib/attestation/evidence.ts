import { z } from 'zod';
import { appraisalPolicy } from '../contract/appraisal-policy.ts';
import { bytesUpTo, decodeDocument, encodeDocument } from '../contract/shapes.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

/** Bytes of a whole evidence envelope; the largest real quotes with their chains stay below 32 KiB. */
export const MAX_EVIDENCE_BYTES = 64 * 1024;
/** Bytes of the platform's own evidence in it. */
export const MAX_PLATFORM_EVIDENCE_BYTES = MAX_EVIDENCE_BYTES - 128;

export const envelope = z.strictObject({
  format: z.literal('consilium/evidence/v1'),
  platform: appraisalPolicy.shape.platforms.element,
  bytes: bytesUpTo(MAX_PLATFORM_EVIDENCE_BYTES),
});

export type Platform = z.output<typeof envelope>['platform'];

/** Evidence (RFC 9334 §8.1) as it travels: which platform made it, and that platform's own bytes, unparsed. */
export interface Evidence {
  readonly platform: Platform;
  readonly bytes: Uint8Array;
}

/** Throws RangeError when the platform's bytes exceed what the envelope may hold: a bug of the attester. */
export function encodeEvidence({ platform, bytes }: Evidence): Uint8Array {
  if (bytes.length > MAX_PLATFORM_EVIDENCE_BYTES) throw new RangeError('evidence exceeds 64 KiB');
  return encodeDocument({ format: 'consilium/evidence/v1', platform, bytes });
}

/** Total; E-ATTEST-MALFORMED for anything that is not an envelope of at most 64 KiB. */
export function decodeEvidence(bytes: Uint8Array): Result<Evidence, Refusal> {
  return decodeDocument(envelope, bytes, {
    code: 'E-ATTEST-MALFORMED',
    limits: { maxBytes: MAX_EVIDENCE_BYTES, maxDepth: 2 },
  });
}
