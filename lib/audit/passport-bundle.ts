import { z } from 'zod';
import { bytesUpTo, decodeDocument, digest, encodeDocument, head, instant, publicKey } from '../contract/shapes.ts';
import type { CborLimits } from '../core/cbor.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

const MAX_BUNDLE_BYTES = 32 << 20;
const LIMITS: CborLimits = { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 6 };
export const MAX_PUBLICATION_COLLATERAL_BYTES = 256 << 10;
const signedBytes = bytesUpTo(4 << 20);

/**
 * An enclave boot shown to the world: evidence over the boot key and where the chain stood (PROTOCOL §7.1). Good for
 * checking statements later, never for sessions.
 */
export const publication = z.strictObject({
  format: z.literal('consilium/publication/v1'),
  bootKey: publicKey,
  contract: digest,
  genesis: digest,
  head,
  /** When the evidence was made and must be appraised. */
  at: instant,
  evidence: bytesUpTo(256 << 10),
  /** What the evidence is verified with, as the enclave held it then: a bundle of collateral; empty: none is needed. */
  collateral: bytesUpTo(MAX_PUBLICATION_COLLATERAL_BYTES),
});
export type Publication = z.output<typeof publication>;

/** Everything that a stranger needs to check one released model, but for vendor roots and organisation keys. */
export const passportBundle = z.strictObject({
  format: z.literal('consilium/passport-bundle/v1'),
  contract: signedBytes,
  approvals: z.array(signedBytes).max(1000),
  publications: z.array(publication).min(1).max(1000),
  genesis: signedBytes,
  manifest: signedBytes,
  certificate: signedBytes,
  intent: signedBytes,
  release: signedBytes,
  acknowledgements: z.array(z.strictObject({ acknowledgement: signedBytes, endorsement: signedBytes })).max(1000),
});
export type PassportBundle = z.output<typeof passportBundle>;

export const encodeBundle = (bundle: PassportBundle): Uint8Array => encodeDocument(bundle);
export const decodeBundle = (bytes: Uint8Array): Result<PassportBundle, Refusal> =>
  decodeDocument<PassportBundle>(passportBundle, bytes, { code: 'E-PASSPORT-INVALID', limits: LIMITS });

export const encodePublication = (document: Publication): Uint8Array => encodeDocument(document);
export const decodePublication = (bytes: Uint8Array): Result<Publication, Refusal> =>
  decodeDocument<Publication>(publication, bytes, { code: 'E-ATTEST-MALFORMED', limits: LIMITS });
