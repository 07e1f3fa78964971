import { z } from 'zod';
import { MAX_EVIDENCE_BYTES } from '../attestation/evidence.ts';
import { exactBytes } from '../attestation/exact-bytes.ts';
import { MAX_LEAVES, NODE_BYTES } from '../attestation/binder-tree.ts';
import {
  bytesUpTo,
  count,
  decodeDocument,
  digest,
  encodeDocument,
  head,
  organisationId,
  publicKey,
} from '../contract/shapes.ts';
import { ERRORS, refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { NONCE_BYTES } from './handshake-messages.ts';

/** An endorsement with its signatures; opaque here. */
const MAX_ENDORSEMENT_BYTES = 8192;
/** GPUs and switches of one machine, and the evidence of each with its certificates. */
const MAX_DEVICES = 32;
const MAX_DEVICE_EVIDENCE_BYTES = 24 * 1024;
const MAX_SEALED_MESSAGE_BYTES =
  MAX_EVIDENCE_BYTES + MAX_DEVICES * MAX_DEVICE_EVIDENCE_BYTES + MAX_ENDORSEMENT_BYTES + 4096;
const LONGEST_PATH = Math.ceil(Math.log2(MAX_LEAVES));

export const evidence = z.strictObject({
  attestationSequence: count,
  bootKey: publicKey,
  /** Null for the enclave. */
  organisation: organisationId.nullable(),
  head,
  /** Evidence envelope, and the way from this peer's binder to its report data. */
  evidence: bytesUpTo(MAX_EVIDENCE_BYTES),
  /** Evidence of attached devices, in order, each made for its own nonce (§4.12); the binder covers it. */
  devices: z.array(bytesUpTo(MAX_DEVICE_EVIDENCE_BYTES)).max(MAX_DEVICES),
  path: z.strictObject({
    index: count,
    size: count,
    siblings: z.array(exactBytes(NODE_BYTES)).max(LONGEST_PATH),
  }),
  /** ORG_i's endorsement of BOOT_i; empty for the enclave. */
  endorsement: bytesUpTo(MAX_ENDORSEMENT_BYTES),
});
export type EvidenceMessage = z.output<typeof evidence>;

export const confirm = z.strictObject({
  role: z.enum(['enclave', 'site']),
  enclaveEvidence: digest,
  siteEvidence: digest,
});
/** Each side's word that it accepted the other's evidence (PROTOCOL §4.4). */
export type Confirm = z.output<typeof confirm>;

export const challenge = z.strictObject({ attestationSequence: count, nonce: exactBytes(NONCE_BYTES) });
/** Asks for fresh evidence (PROTOCOL §4.6). */
export type Challenge = z.output<typeof challenge>;

export const refuse = z.strictObject({ code: z.string().max(64) });

export const encodeEvidenceMessage = (message: EvidenceMessage): Uint8Array => encodeDocument(message);
export const encodeConfirm = (message: Confirm): Uint8Array => encodeDocument(message);
export const encodeChallenge = (message: Challenge): Uint8Array => encodeDocument(message);
export const encodeRefuse = (code: ErrorCode): Uint8Array => encodeDocument({ code });

const decoder =
  <T>(schema: z.ZodType<T>) =>
  (bytes: Uint8Array): Result<T, Refusal> =>
    decodeDocument(schema, bytes, {
      code: 'E-MESSAGE-INVALID',
      limits: { maxBytes: MAX_SEALED_MESSAGE_BYTES, maxDepth: 3 },
    });

/** Each is total: E-MESSAGE-INVALID for anything but its message. */
export const decodeEvidenceMessage = decoder(evidence);
export const decodeConfirm = decoder(confirm);
export const decodeChallenge = decoder(challenge);

/** Why the peer ended the session; E-MESSAGE-INVALID for a code that does not exist. */
export function decodeRefuse(bytes: Uint8Array): Result<ErrorCode, Refusal> {
  const decoded = decoder(refuse)(bytes);
  if (!decoded.ok) return decoded;
  const { code } = decoded.value;
  return isErrorCode(code) ? ok(code) : err(refusal('E-MESSAGE-INVALID', 'unknown code'));
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
