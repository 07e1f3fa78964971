import { z } from 'zod';
import { bytesEqual } from '../core/bytes.ts';
import type { Signer } from '../core/ed25519.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest, Instant } from '../core/ids.ts';
import { err, type Result } from '../core/result.ts';
import { keyOf } from './approval.ts';
import { digest, instant, organisationId, publicKey } from './shapes.ts';
import { openDocument, signDocument, type OpenedDocument } from './signed-document.ts';
import type { StudyContract } from './study-contract.ts';

/** An endorsement lives at most a day (PROTOCOL §3). */
export const ENDORSEMENT_LIFETIME_MS = 24 * 3_600_000;
/** Clocks of two hospitals may differ by this much before an endorsement counts as issued in the future. */
const CLOCK_SKEW_MS = 10 * 60_000;

export const endorsement = z.strictObject({
  format: z.literal('consilium/endorsement/v1'),
  organisation: organisationId,
  bootKey: publicKey,
  contract: digest,
  issued: instant,
  expires: instant,
});
export type Endorsement = z.output<typeof endorsement>;

/** `ORG_i` vouches for the boot key of its running agent (PROTOCOL §3). */
export function signEndorsement(fields: Omit<Endorsement, 'format'>, signer: Signer): Uint8Array {
  return signDocument('endorsement', { format: 'consilium/endorsement/v1', ...fields }, signer);
}

interface EndorsementContext {
  readonly contract: StudyContract;
  readonly contractDigest: Digest;
  readonly at: Instant;
  /** Absent: valid at `at`. Given: valid at some moment from here to `at`, for what was checked when it arrived. */
  readonly since?: Instant;
}

/** An endorsement signed by a named organisation for this contract, valid at `at`. */
export function openEndorsement(
  bytes: Uint8Array,
  context: EndorsementContext,
): Result<OpenedDocument<Endorsement>, Refusal> {
  const opened = openDocument(bytes, {
    domain: 'endorsement',
    schema: endorsement,
    signedBy: ({ organisation }) => keyOf(context.contract, organisation),
    code: 'E-ENDORSEMENT',
  });
  if (!opened.ok) return opened;
  const { contract, issued, expires, organisation } = opened.value.document;
  const refuse = (why: string): Result<never, Refusal> => err(refusal('E-ENDORSEMENT', `${organisation}: ${why}`));
  if (!bytesEqual(contract, context.contractDigest)) return refuse('another contract');
  if (expires - issued > ENDORSEMENT_LIFETIME_MS) return refuse('valid for more than 24 hours');
  if (issued > context.at + CLOCK_SKEW_MS) return refuse('issued in the future');
  if (expires <= (context.since ?? context.at)) return refuse('expired');
  return opened;
}
