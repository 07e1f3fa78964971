import { InvalidArgumentError } from 'commander';
import type { NoisePlan } from '../../lib/contract/privacy-plan.ts';
import { fromHex } from '../../lib/core/bytes.ts';
import {
  DIGEST_BYTES,
  instant,
  isOrganisationId,
  type Digest,
  type Instant,
  type OrganisationId,
} from '../../lib/core/ids.ts';

const MAX_RECORDS = 1_000_000_000;

/** Readers of option values; Commander turns what they throw into E-USAGE that names the option. */

export function idValue(text: string): OrganisationId {
  if (isOrganisationId(text)) return text;
  throw new InvalidArgumentError('must be 1-63 lower-case letters, digits or hyphens');
}

export const wholeNumber = (most: number): ((text: string) => number) => wholeNumberFrom(1, most);

export const wholeNumberFrom =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}`);
  };

/** A number in decimal or scientific notation that `accepts`; `wanted` says which, as in `between 0 and 1`. */
export const realNumber =
  (wanted: string, accepts: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d*\.?\d+(?:e[+-]?\d+)?$/i.test(text) && accepts(value)) return value;
    throw new InvalidArgumentError(`must be a number ${wanted}`);
  };

export const positiveNumber = realNumber('above 0', (value) => value > 0);

/** Collects `hospital=records` over repeated use of an option. */
export function publishedRecords(text: string, earlier: NoisePlan['publicRecords'] = []): NoisePlan['publicRecords'] {
  const [id = '', count = ''] = text.split('=', 2);
  return [...earlier, { organisation: idValue(id), records: wholeNumber(MAX_RECORDS)(count) }];
}

/** Collects measurements over repeated use of an option. */
export function measurements(text: string, earlier: readonly Digest[] = []): readonly Digest[] {
  const bytes = fromHex(text);
  if (bytes?.length !== DIGEST_BYTES) throw new InvalidArgumentError('must be 64 lower-case hexadecimal digits');
  return [...earlier, bytes as Digest];
}

/** `2027-03-31` (the end of that day, UTC) or a whole time stamp. */
export function dateValue(text: string): Instant {
  const dayOnly = /^\d{4}-\d\d-\d\d$/.test(text);
  const at = Date.parse(dayOnly ? `${text}T23:59:59.999Z` : text);
  const isStamp = dayOnly || /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text);
  // Without the comparison the 30th of February would be read as the 2nd of March.
  const isDay = at >= 0 && (!dayOnly || new Date(at).toISOString().startsWith(text));
  if (isStamp && isDay) return instant(at);
  throw new InvalidArgumentError('must be a date such as 2027-03-31, or a time such as 2027-03-31T12:00:00Z');
}
