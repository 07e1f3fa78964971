import { toHex } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { Der, TAG } from '../formats/der.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { perItem } from '../formats/per-item.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION, KEY_USAGE, readExtensions, type Extensions } from './extensions.ts';
import { signatureHolds } from './signature-algorithm.ts';

export const MAX_REVOCATION_LIST_BYTES = 4 * 1024 * 1024;
/** Extensions of a list that we act on or may pass over; any other critical one is refused (RFC 5280 §5.2). */
const KNOWN: readonly string[] = [EXTENSION.authorityKeyIdentifier, EXTENSION.crlNumber];

/** One certificate revocation list (RFC 5280 §5.1), parsed; believed only after `checkRevocationList`. */
export interface RevocationList {
  readonly der: Uint8Array;
  readonly signed: Uint8Array;
  readonly algorithm: Der;
  readonly signature: Uint8Array;
  /** Raw DER name. */
  readonly issuer: Uint8Array;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Null: the list does not say, which is refused when it is used. */
  readonly nextUpdate: number | null;
  /** Serial numbers in hexadecimal, as Certificate.serial has them. */
  readonly revoked: ReadonlySet<string>;
  /** Hexadecimal; null: the list has no number. */
  readonly number: string | null;
  readonly extensions: Extensions;
}

/** Total; E-ATTEST-MALFORMED for anything that is not one DER list within 4 MiB. */
export const parseRevocationList = (der: Uint8Array): Result<RevocationList, Refusal> =>
  total('revocation list', () => readRevocationList(der));

/** As parseRevocationList, once per item. */
export const revocationListOf = perItem(({ der }: { readonly der: Uint8Array }) => parseRevocationList(der));

/** For parsers of larger structures; throws Malformed. */
export function readRevocationList(der: Uint8Array): RevocationList {
  if (der.length > MAX_REVOCATION_LIST_BYTES) throw new Malformed('larger than 4 MiB');
  const outer = Der.read(der).sequence('revocation list');
  const body = outer.next('body');
  const algorithm = outer.next('algorithm').expect(TAG.sequence, 'algorithm');
  const signature = outer.next('signature').bits('signature');
  outer.end();
  const fields = body.sequence('revocation list body');
  if (fields.optional(TAG.integer)?.smallInteger('version') !== 1) throw new Malformed('not version 2', body.offset);
  if (toHex(fields.next('inner algorithm').bytes) !== toHex(algorithm.bytes)) {
    throw new Malformed('names two signature algorithms', body.offset);
  }
  const issuer = fields.next('issuer').expect(TAG.sequence, 'issuer').bytes;
  const thisUpdate = fields.next('time of issue').time('time of issue');
  const next = fields.optional(TAG.utcTime) ?? fields.optional(TAG.generalizedTime);
  const revoked = new Set<string>();
  for (const entry of fields.optional(TAG.sequence)?.children() ?? []) {
    const [serial, when] = entry.expect(TAG.sequence, 'entry').children();
    if (serial === undefined || when === undefined) throw new Malformed('entry is cut short', entry.offset);
    when.time('time of revocation');
    revoked.add(toHex(serial.integerBytes('serial number')));
  }
  const extensions = readExtensions(fields, 0);
  fields.end();
  const number = extensions.get(EXTENSION.crlNumber);
  return {
    der,
    signed: body.bytes,
    algorithm,
    signature,
    issuer,
    thisUpdate,
    nextUpdate: next?.time('time of the next list') ?? null,
    revoked,
    number: number === undefined ? null : toHex(Der.read(number.value).integerBytes('list number')),
    extensions,
  };
}

export type ListFault = 'another issuer' | 'not signed by its issuer' | 'from the future' | 'expired' | 'unknown rules';

/** What keeps `list` from speaking for `issuer` at `at`; null: nothing. `issuer` must already be authentic. */
export function listFault(list: RevocationList, issuer: Certificate, at: number): ListFault | null {
  if (toHex(list.issuer) !== toHex(issuer.subject)) return 'another issuer';
  if (issuer.keyUsage !== null && !issuer.keyUsage.has(KEY_USAGE.crlSign)) return 'not signed by its issuer';
  if (!signatureHolds(list.algorithm, list.signed, list.signature, issuer.publicKey)) return 'not signed by its issuer';
  if ([...list.extensions].some(([id, { critical }]) => critical && !KNOWN.includes(id))) return 'unknown rules';
  if (at < list.thisUpdate) return 'from the future';
  if (list.nextUpdate === null || at > list.nextUpdate) return 'expired';
  return null;
}
