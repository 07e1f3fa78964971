import { fromHex } from '../../core/bytes.ts';
import { err, ok, type Result } from '../../core/result.ts';

/**
 * One key of the policy language: how its value is read, what it means, and what holds when it is left out. Files,
 * checks and documentation come from the same table, so they cannot disagree.
 */
export interface PolicyKey<T> {
  /** One or two sentences for a security officer. */
  readonly about: string;
  /** The values that are allowed, for people: `true or false`, `list of 48-byte hexadecimal strings`. */
  readonly accepts: string;
  /** Value when the key is absent. */
  readonly fallback: T;
  /** The fallback for people: `any`, `false`, `0`. */
  readonly otherwise: string;
  /** A value to show in documentation. */
  readonly example: string;
  /** The value, or what is wrong with it. */
  readonly read: (value: unknown) => Result<T, string>;
}

type Keys = Readonly<Record<string, PolicyKey<unknown>>>;
export type SectionValues<K extends Keys> = { readonly [N in keyof K]: K[N] extends PolicyKey<infer T> ? T : never };

/** A named group of keys, one for each platform. */
export interface PolicySection<K extends Keys = Keys> {
  readonly name: string;
  readonly about: string;
  readonly keys: K;
}

export const section = <K extends Keys>(name: string, about: string, keys: K): PolicySection<K> => ({
  name,
  about,
  keys,
});

/** Reads a mapping; unknown keys and every bad value are listed with their path. */
export function readSection<K extends Keys>(
  { name, keys }: PolicySection<K>,
  value: unknown,
): Result<SectionValues<K>, readonly string[]> {
  if (!isMapping(value)) return err([`${name}: want a mapping of keys to values`]);
  const faults = Object.keys(value)
    .filter((key) => !Object.hasOwn(keys, key))
    .map((key) => `${name}.${key}: no such key; known: ${Object.keys(keys).join(', ')}`);
  const read: Record<string, unknown> = {};
  for (const [key, { fallback, read: reader, accepts }] of Object.entries(keys)) {
    const given = Object.hasOwn(value, key) ? value[key] : undefined;
    if (given === undefined) {
      read[key] = fallback;
      continue;
    }
    const result = reader(given);
    if (result.ok) read[key] = result.value;
    else faults.push(`${name}.${key}: ${result.error}; want ${accepts}`);
  }
  return faults.length === 0 ? ok(read as SectionValues<K>) : err(faults);
}

/** What holds when the policy does not mention the platform's section at all. */
export function fallbackOf<K extends Keys>({ keys }: PolicySection<K>): SectionValues<K> {
  const entries = Object.entries(keys).map(([key, { fallback }]) => [key, fallback]);
  return Object.fromEntries(entries) as SectionValues<K>;
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const MAX_ITEMS = 1024;

interface Words<T> {
  readonly about: string;
  readonly example: string;
  readonly fallback: T;
  readonly otherwise: string;
}

export const flag = (words: Words<boolean>): PolicyKey<boolean> => ({
  ...words,
  accepts: 'true or false',
  read: (value) => (typeof value === 'boolean' ? ok(value) : err('neither true nor false')),
});

/** A whole number from `least` to `most`. */
export const wholeNumber = <T extends number | null = number>(
  least: number,
  most: number,
  words: Words<T | number>,
): PolicyKey<T | number> => ({
  ...words,
  accepts: `a whole number from ${least} to ${most}`,
  read: (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? ok(value as number)
      : err('not such a number'),
});

/** One of some words. */
export const choice = <T extends string>(allowed: readonly T[], words: Words<T>): PolicyKey<T> => ({
  ...words,
  accepts: `one of ${allowed.join(', ')}`,
  read: (value) => (allowed.includes(value as T) ? ok(value as T) : err('not one of them')),
});

/** A list of whole numbers. */
export const wholeNumbers = (
  least: number,
  most: number,
  words: Words<readonly number[]>,
): PolicyKey<readonly number[]> => ({
  ...words,
  accepts: `a list of whole numbers from ${least} to ${most}`,
  read: list((item) => {
    const fits = Number.isInteger(item) && (item as number) >= least && (item as number) <= most;
    return fits ? ok(item as number) : err('not such a number');
  }),
});

/** A list out of some words. */
export const choices = <T extends string>(
  allowed: readonly T[],
  words: Words<readonly T[]>,
): PolicyKey<readonly T[]> => ({
  ...words,
  accepts: `a list out of ${allowed.join(', ')}`,
  read: list((item) => (allowed.includes(item as T) ? ok(item as T) : err('not one of them'))),
});

/** A list of texts of 1 to 256 characters, or anything (null). */
export const texts = (words: Words<readonly string[] | null>): PolicyKey<readonly string[] | null> => ({
  ...words,
  accepts: 'a list of texts',
  read: list((item) =>
    typeof item === 'string' && item.length > 0 && item.length <= 256 && item.isWellFormed()
      ? ok(item)
      : err('not a text'),
  ),
});

/** A list of byte strings of exactly `length` bytes in hexadecimal of either case, or anything (null). */
export const hexStrings = (
  length: number,
  words: Words<readonly string[] | null>,
): PolicyKey<readonly string[] | null> => ({
  ...words,
  accepts: `a list of ${length}-byte hexadecimal strings`,
  read: list((item) => hexOf(item, length)),
});

/** Lower-case hexadecimal of exactly `length` bytes. */
export function hexOf(value: unknown, length: number): Result<string, string> {
  if (typeof value === 'number') return err('a number: hexadecimal digits must stand in quotes');
  const lower = typeof value === 'string' ? value.toLowerCase() : '';
  return fromHex(lower)?.length === length ? ok(lower) : err(`not ${length} bytes of hexadecimal`);
}

/** Every item by `read`; an empty list is refused, since nothing could satisfy it. */
export const list =
  <T>(read: (item: unknown) => Result<T, string>) =>
  (value: unknown): Result<readonly T[], string> => {
    if (!Array.isArray(value)) return err('not a list');
    if (value.length === 0) return err('an empty list allows nothing: leave the key out');
    if (value.length > MAX_ITEMS) return err(`more than ${MAX_ITEMS} items`);
    const out: T[] = [];
    for (const [index, item] of value.entries()) {
      const result = read(item);
      if (!result.ok) return err(`item ${index + 1}: ${result.error}`);
      out.push(result.value);
    }
    return ok(out);
  };
