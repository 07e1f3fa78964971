import { z } from 'zod';
import { count, digest, head, instant, organisationId, positiveInteger, publicKey } from '../contract/shapes.ts';
import { openDocument, signDocument, type OpenedDocument } from '../contract/signed-document.ts';
import type { Signer } from '../core/ed25519.ts';
import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

export const commit = z.strictObject({
  format: z.literal('consilium/commit/v1'),
  contract: digest,
  manifest: digest,
  organisation: organisationId,
  bootKey: publicKey,
  /** Newest statement the site has seen: the manifest itself. */
  head,
  /** The site takes part only in a released set of at least this many organisations. */
  minimum: positiveInteger,
  /** Organisations without which the site does not take part. */
  requireCoParticipants: z.array(organisationId).max(1000),
  at: instant,
  /** Newest revocation list and TCB evaluation the site knows; 0 where the platform has none. */
  collateral: z.strictObject({ crlNumber: count, tcbEvaluation: count }),
});
export type Commit = z.output<typeof commit>;

/** A site joins one attempt of one round under its own conditions (PROTOCOL §7.3). */
export function signCommit(fields: Omit<Commit, 'format' | 'bootKey'>, signer: Signer): Uint8Array {
  return signDocument('commit', { format: 'consilium/commit/v1', bootKey: signer.publicKey, ...fields }, signer);
}

/** Checks the signature under the boot key that the commit names; the endorsement says whose key that is. */
export function openCommit(bytes: Uint8Array): Result<OpenedDocument<Commit>, Refusal> {
  return openDocument<Commit>(bytes, {
    domain: 'commit',
    schema: commit,
    signedBy: ({ bootKey }) => bootKey,
    code: 'E-COMMIT-INVALID',
  });
}
