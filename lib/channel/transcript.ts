import type { Role } from '../attestation/claims.ts';
import { u64be, utf8 } from '../core/bytes.ts';
import { hash512, prefixFields } from '../core/hash.ts';

/** `th` of PROTOCOL §4.1, 64 bytes: both sides' first messages, as they were sent and received. */
export const transcriptHash = (hello: Uint8Array, offer: Uint8Array): Uint8Array => hash512('transcript', hello, offer);

/** What PROTOCOL §4.2 feeds to HPKE.Export: `lp(label, x…)`. */
export const exportContext = (label: string, ...fields: readonly Uint8Array[]): Uint8Array =>
  prefixFields(utf8(label), ...fields);

export interface AttestationKeyFields {
  /** The attester's role. */
  readonly role: Role;
  /** The verifier's nonce. */
  readonly nonce: Uint8Array;
  readonly attestationSequence: number;
}

/** The one field of `Export("attest", …)` (PROTOCOL §4.3). */
export const attestationKeyContext = ({ role, nonce, attestationSequence }: AttestationKeyFields): Uint8Array =>
  prefixFields(utf8(role), nonce, u64be(attestationSequence));
