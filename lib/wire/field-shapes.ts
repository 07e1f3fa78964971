import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { isOrganisationId, type Digest, type Instant, type OrganisationId } from '../core/ids.ts';

/**
 * The fields of the wire messages. Each refuses absence, wrong size and values out of range, and gives plain
 * `Uint8Array` copies: a `Buffer` view would keep the whole message alive, and its `slice` shares memory.
 */

const MEBIBYTE = 1 << 20;
export const WIRE_LIMITS = {
  frameBytes: MEBIBYTE,
  contractBytes: 4 * MEBIBYTE,
  /** A passport bundle of 1000 hospitals takes some 2 MiB. */
  bundleBytes: 4 * MEBIBYTE,
  approvals: 1000,
  approvalBytes: 16 << 10,
  statementBytes: 2 * MEBIBYTE,
  statements: 1000,
  /** All statements of one page together; a single larger one travels alone. */
  statementPageBytes: 4 * MEBIBYTE,
  evidenceBytes: 64 << 10,
  sites: 1000,
  rounds: 100_000,
  attempts: 1_000_000,
} as const;

const CONTROL_CHARACTER = /\p{Cc}/u;
const NAME = /^[a-z][a-z0-9_+-]{0,63}$/i;

/** 1 to `maximum` bytes; an absent field is an empty one in proto3. */
export const bytes = (maximum: number): z.ZodType<Uint8Array> =>
  z
    .custom<Uint8Array>(
      (value) => value instanceof Uint8Array && value.length > 0 && value.length <= maximum,
      `must be 1 to ${maximum} bytes`,
    )
    .transform((value) => Uint8Array.from(value));

/** 1 to `maximum` bytes, or undefined for none, which is how proto3 says "absent". */
export const emptyBytesAreAbsent = (maximum: number): z.ZodType<Uint8Array | undefined> =>
  z.union([
    z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 0).transform(() => undefined),
    bytes(maximum),
  ]);

export const digest = z
  .custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 32, 'must be 32 bytes')
  .transform((value) => Uint8Array.from(value) as Digest);

/** 0 to 2^53 − 1: sequence numbers, counters. */
export const safeInteger = z.int().nonnegative();
export const instant = safeInteger.transform((value) => value as Instant);
/** Rounds and attempts count from 1 (PROTOCOL §7). */
export const round = z.int().positive().max(WIRE_LIMITS.rounds);
export const attempt = z.int().positive().max(WIRE_LIMITS.attempts);

export const organisation = z.custom<OrganisationId>(
  (value) => typeof value === 'string' && isOrganisationId(value),
  'must be 1-63 lower-case letters, digits or hyphens',
);
/** A phase, a step, a statement's type: letters, digits and hyphens. */
export const name = z.string().regex(NAME, 'must be a name of 1-64 letters, digits or hyphens');

/** Free text for people, at most `maximum` UTF-16 units on one line; may be empty. */
export const line = (maximum: number): z.ZodType<string> =>
  z
    .string()
    .max(maximum)
    .refine((text) => text.isWellFormed() && !CONTROL_CHARACTER.test(text), 'must be one line of plain text');

export const errorCode = z.custom<ErrorCode>(
  (value) => typeof value === 'string' && Object.hasOwn(ERRORS, value),
  'must be a known error code',
);

/** What `shape` gives, or null for the empty string, with which proto3 says "absent". */
export const emptyIsNull = <T>(shape: z.ZodType<T>): z.ZodType<T | null> =>
  z.union([z.literal('').transform(() => null), shape]);
