import { z } from 'zod';
import type { CborLimits } from '../core/cbor.ts';
import { verifySignature, type Signer } from '../core/ed25519.ts';
import { refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import type { Domain } from '../core/hash.ts';
import type { Signature } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { bytesUpTo, decodeDocument, encodeDocument, signature } from './shapes.ts';

const MAX_BODY_BYTES = 4 << 20;
const ENVELOPE_LIMITS: CborLimits = { maxBytes: MAX_BODY_BYTES + 1024, maxDepth: 2 };
const BODY_LIMITS: CborLimits = { maxBytes: MAX_BODY_BYTES, maxDepth: 16 };

export const envelope = z.strictObject({ body: bytesUpTo(MAX_BODY_BYTES), signature });

/** Deterministic CBOR of `document` beside its domain-tagged Ed25519 signature (PROTOCOL §2). */
export function signDocument(domain: Domain, document: object, signer: Signer): Uint8Array {
  const body = encodeDocument(document);
  return encodeDocument({ body, signature: signer.sign(domain, body) });
}

export interface OpenedDocument<T> {
  readonly document: T;
  /** The signed bytes; what digests of the document are made of. */
  readonly body: Uint8Array;
  /** Document and signature, as received. */
  readonly bytes: Uint8Array;
}

interface OpenOptions<T> {
  readonly domain: Domain;
  readonly schema: z.ZodType<T>;
  /** The key that must have signed, read from the document or known beforehand. */
  readonly signedBy: (document: T) => Uint8Array;
  /** Refusal for malformed bytes and bad signatures alike. */
  readonly code: ErrorCode;
}

/** Decodes and checks the signature. Whether the signer's key is to be trusted is the caller's question. Total. */
export function openDocument<T>(bytes: Uint8Array, options: OpenOptions<T>): Result<OpenedDocument<T>, Refusal> {
  const read = decodeSigned(bytes, options);
  if (!read.ok) return read;
  const { document, body, signature: signed } = read.value;
  const publicKey = options.signedBy(document);
  if (!verifySignature({ publicKey, signature: signed, domain: options.domain, fields: [body] })) {
    return err(refusal(options.code, 'the signature does not verify'));
  }
  return ok({ document, body, bytes });
}

/**
 * Decodes what its holder opened with `openDocument` before he stored it: the signature is not checked again. Never for
 * bytes that come from anybody else. Total.
 */
export function readStoredDocument<T>(
  bytes: Uint8Array,
  options: Pick<OpenOptions<T>, 'schema' | 'code'>,
): Result<OpenedDocument<T>, Refusal> {
  const read = decodeSigned(bytes, options);
  return read.ok ? ok({ document: read.value.document, body: read.value.body, bytes }) : read;
}

function decodeSigned<T>(
  bytes: Uint8Array,
  { schema, code }: Pick<OpenOptions<T>, 'schema' | 'code'>,
): Result<{ document: T; body: Uint8Array; signature: Signature }, Refusal> {
  const outer = decodeDocument(envelope, bytes, { code, limits: ENVELOPE_LIMITS });
  if (!outer.ok) return outer;
  const { body, signature: signed } = outer.value;
  const inner = decodeDocument(schema, body, { code, limits: BODY_LIMITS });
  return inner.ok ? ok({ document: inner.value, body, signature: signed }) : inner;
}
