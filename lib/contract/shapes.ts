import { z } from 'zod';
import { encodeCbor, decodeCbor, type CborLimits, type CborValue } from '../core/cbor.ts';
import { isErrorCode, refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import {
  isOrganisationId,
  type Digest,
  type Instant,
  type OrganisationId,
  type PublicKey,
  type Signature,
} from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';

/** Field shapes that every signed document shares. Each refuses what it does not know. */

const bytesOf = <T extends Uint8Array>(length: number): z.ZodType<T> =>
  z.custom<T>((value) => value instanceof Uint8Array && value.length === length, `must be ${length} bytes`);

export const digest = bytesOf<Digest>(32);
export const publicKey = bytesOf<PublicKey>(32);
export const signature = bytesOf<Signature>(64);
export const instant = z
  .number()
  .int()
  .nonnegative()
  .transform((value) => value as Instant);
export const organisationId = z.custom<OrganisationId>(
  (value) => typeof value === 'string' && isOrganisationId(value),
  'must be 1-63 lower-case letters, digits or hyphens',
);
export const errorCode = z.custom<ErrorCode>(
  (value) => typeof value === 'string' && isErrorCode(value),
  'must be a known code',
);
export const text = z.string().min(1).max(400);
export const longText = z.string().max(4000);
export const count = z.number().int().nonnegative();
export const positiveInteger = z.number().int().positive();
export const bytesUpTo = (maximum: number): z.ZodType<Uint8Array> =>
  z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length <= maximum,
    `must be at most ${maximum} bytes`,
  );

/** Where a statement chain stands: the counter and digest of its newest statement. */
export const head = z.strictObject({ counter: count, digest });
export type Head = z.output<typeof head>;

/** One line per failed field: its path and the rule, never its value. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || '(document)'}: ${issue.message}`).join('; ');
}

interface DecodeOptions {
  /** Refusal when the bytes are not the document. */
  readonly code: ErrorCode;
  readonly limits?: CborLimits;
}

/** Strict CBOR → checked document. Total. */
export function decodeDocument<T>(schema: z.ZodType<T>, bytes: Uint8Array, options: DecodeOptions): Result<T, Refusal> {
  const decoded = decodeCbor(bytes, options.limits);
  if (!decoded.ok) return err(refusal(options.code, `${decoded.error.reason} at byte ${decoded.error.offset}`));
  const parsed = schema.safeParse(decoded.value);
  return parsed.success ? ok(parsed.data) : err(refusal(options.code, describeIssues(parsed.error)));
}

export const encodeDocument = (document: object): Uint8Array => encodeCbor(document as CborValue);
