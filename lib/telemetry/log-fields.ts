import { toHex } from '../core/bytes.ts';
import { ERRORS, type ErrorCode } from '../core/errors.ts';
import { isOrganisationId } from '../core/ids.ts';

/**
 * Redaction by design: a log line holds only the fields named here, and each only in its own narrow shape. A field
 * that is not here, or has another shape, is dropped and counted (`dropped`), whatever it holds. No shape takes
 * free text. What the shapes cannot tell apart is a word that code chose from a word that code read somewhere:
 * words, ids and counts logged must come from code, a contract or a measurement of the program itself.
 */
const WORD = /^[a-z](?:[a-z0-9]|[.-](?=[a-z0-9])){0,39}$/;
const ADDRESS = /^[A-Za-z0-9.[\]:-]{1,80}:\d{1,5}$/;
const VERSION = /^v?\d{1,4}\.\d{1,5}\.\d{1,5}$/;
const LARGEST_COUNT = 2 ** 40;
const SHOWN_DIGEST_BYTES = 8;
const DIGEST_LENGTHS: readonly number[] = [32, 48, 64];

/** What is shown of a value, or null when the value does not have the shape. */
type Shape<T> = (value: T | Wrong) => string | number | boolean | null;
/** Anything else that a caller without types may hand in. */
type Wrong = object | string | number | boolean | symbol | bigint | null | undefined;

const textLike =
  (pattern: RegExp): Shape<string> =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? value : null;

/** A name that code chose: lower-case, digits, dots and hyphens, at most 40 characters. */
const word = textLike(WORD);
const address = textLike(ADDRESS);
const version = textLike(VERSION);
/** An id with at least one letter: dates and record numbers would otherwise fit. */
const organisation: Shape<string> = (value) =>
  typeof value === 'string' && isOrganisationId(value) && /[a-z]/.test(value) ? value : null;
const code: Shape<ErrorCode> = (value) => (typeof value === 'string' && Object.hasOwn(ERRORS, value) ? value : null);
const flag: Shape<boolean> = (value) => (typeof value === 'boolean' ? value : null);
/** A whole number from 0 to 2^40. */
const count: Shape<number> = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_COUNT ? value : null;
/** Milliseconds, rounded to whole ones. */
const milliseconds: Shape<number> = (value) =>
  typeof value === 'number' && value >= 0 && value <= LARGEST_COUNT ? Math.round(value) : null;
/** The first 8 of 32, 48 or 64 bytes, in hexadecimal. */
const digest: Shape<Uint8Array> = (value) =>
  value instanceof Uint8Array && DIGEST_LENGTHS.includes(value.length)
    ? `${toHex(value.subarray(0, SHOWN_DIGEST_BYTES))}…`
    : null;

const LOG_FIELDS = {
  address,
  attempt: count,
  attestationSequence: count,
  backend: word,
  bytes: count,
  certificate: digest,
  code,
  cohort: count,
  contract: digest,
  counter: count,
  delayMs: milliseconds,
  elapsedMs: milliseconds,
  exitCode: count,
  frames: count,
  head: digest,
  /** Lines like this one that were not written. */
  held: count,
  manifest: digest,
  measurement: digest,
  method: word,
  model: digest,
  open: flag,
  organisation,
  parameters: count,
  peer: word,
  phase: word,
  pid: count,
  platform: word,
  process: word,
  reason: word,
  restarts: count,
  retryable: flag,
  role: word,
  round: count,
  rounds: count,
  rows: count,
  rowsDropped: count,
  session: digest,
  signal: textLike(/^SIG[A-Z0-9]{2,8}$/),
  simulated: flag,
  site: organisation,
  sites: count,
  state: word,
  step: word,
  stream: word,
  study: organisation,
  version,
} as const satisfies Record<string, Shape<never>>;

type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** What a caller may log; see `LOG_FIELDS` for each field's shape. */
export type LogFields = { readonly [Name in keyof typeof LOG_FIELDS]?: ValueOf<(typeof LOG_FIELDS)[Name]> | undefined };

export type SafeFields = Record<string, string | number | boolean>;

/** Keeps what is allowed; says how many were dropped. Total: no getter or odd object makes it throw. */
export function safeFields(fields: LogFields): SafeFields {
  const safe: SafeFields = {};
  let dropped = 0;
  for (const name of ownKeys(fields)) {
    const value = readField(fields, name);
    if (value === undefined) continue;
    const shown = Object.hasOwn(LOG_FIELDS, name) ? shapeOf(name)(value) : null;
    if (shown === null) dropped += 1;
    else safe[name] = shown;
  }
  if (dropped > 0) safe['dropped'] = dropped;
  return safe;
}

/** `word` is also the shape of an event's name. */
export const isEventName = (name: string): boolean => WORD.test(name);

const shapeOf = (name: string): Shape<Wrong> => LOG_FIELDS[name as keyof typeof LOG_FIELDS] as Shape<Wrong>;

function ownKeys(fields: object): string[] {
  try {
    return Object.keys(fields);
  } catch {
    return [];
  }
}

function readField(fields: object, name: string): Wrong {
  try {
    return (fields as Record<string, Wrong>)[name];
  } catch {
    return null;
  }
}
