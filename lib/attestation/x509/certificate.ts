import { createHash, type KeyObject } from 'node:crypto';
import { toHex } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { Der, TAG, contextTag } from '../formats/der.ts';
import { Malformed, total } from '../formats/malformed.ts';
import {
  basicConstraintsOf,
  keyUsageOf,
  readExtensions,
  type BasicConstraints,
  type Extensions,
} from './extensions.ts';
import { readPublicKey } from './signature-algorithm.ts';

export const MAX_CERTIFICATE_BYTES = 16 * 1024;
/** As many as authorities, machines and signers that a verifier meets again and again; 2 MiB at the very most. */
const MAX_REMEMBERED = 128;
const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';

/** One X.509 v3 certificate (RFC 5280 §4.1), parsed; nothing in it is believed before `checkChain`. */
export interface Certificate {
  readonly der: Uint8Array;
  /** SHA-256 of `der`, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** What the issuer signed. */
  readonly signed: Uint8Array;
  readonly algorithm: Der;
  readonly signature: Uint8Array;
  /** Two's complement bytes in hexadecimal, as they stand. */
  readonly serial: string;
  /** Raw DER names, compared byte for byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Empty where the name has none. */
  readonly issuerCommonName: string;
  readonly subjectCommonName: string;
  /** The serialNumber attribute of the subject (not of the certificate); null: none. */
  readonly subjectSerialNumber: string | null;
  /** Milliseconds since 1970, both ends included. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Null: a key that node:crypto does not understand; nothing verifies with it. */
  readonly publicKey: KeyObject | null;
  readonly extensions: Extensions;
  readonly basicConstraints: BasicConstraints | null;
  readonly keyUsage: ReadonlySet<number> | null;
}

/** Total; E-ATTEST-MALFORMED for anything that is not one DER certificate of version 3 within 16 KiB. */
export const parseCertificate = (der: Uint8Array): Result<Certificate, Refusal> =>
  total('certificate', () => readCertificate(der));

/**
 * The certificates that were read last, by fingerprint: vendors' authorities stand in all evidence, and making a key
 * object costs about as much as verifying a signature. Reading is a function of the bytes alone, and they are copied;
 * whether a certificate is believed is never remembered, so every signature, date and list is looked at each time.
 */
const remembered = new Map<string, Certificate>();

/** For parsers of larger structures; throws Malformed. Equal bytes may give the same object. */
export function readCertificate(given: Uint8Array): Certificate {
  if (given.length > MAX_CERTIFICATE_BYTES) throw new Malformed('larger than 16 KiB');
  const fingerprint = createHash('sha256').update(given).digest('hex');
  const certificate = remembered.get(fingerprint) ?? certificateFrom(Uint8Array.from(given), fingerprint);
  remembered.delete(fingerprint);
  remembered.set(fingerprint, certificate);
  const [oldest] = remembered.keys();
  if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
  return certificate;
}

function certificateFrom(der: Uint8Array, fingerprint: string): Certificate {
  const outer = Der.read(der).sequence('certificate');
  const body = outer.next('body');
  const algorithm = outer.next('algorithm').expect(TAG.sequence, 'algorithm');
  const signature = outer.next('signature').bits('signature');
  outer.end();
  const fields = body.sequence('certificate body');
  const version = fields.optional(contextTag(0, true))?.children()[0]?.smallInteger('version') ?? 0;
  if (version !== 2) throw new Malformed('not version 3', body.offset);
  const serial = toHex(fields.next('serial number').integerBytes('serial number'));
  if (toHex(fields.next('inner algorithm').bytes) !== toHex(algorithm.bytes)) {
    throw new Malformed('names two signature algorithms', body.offset);
  }
  const issuer = fields.next('issuer').expect(TAG.sequence, 'issuer');
  const validity = fields.next('validity').sequence('validity');
  const notBefore = validity.next('start').time('start of validity');
  const notAfter = validity.next('end').time('end of validity');
  validity.end();
  const subject = fields.next('subject').expect(TAG.sequence, 'subject');
  const spki = fields.next('public key').expect(TAG.sequence, 'public key').bytes;
  fields.optional(contextTag(1, false));
  fields.optional(contextTag(2, false));
  const extensions = readExtensions(fields, 3);
  fields.end();
  return {
    der,
    fingerprint,
    signed: body.bytes,
    algorithm,
    signature,
    serial,
    issuer: issuer.bytes,
    subject: subject.bytes,
    issuerCommonName: nameAttribute(issuer, COMMON_NAME) ?? '',
    subjectCommonName: nameAttribute(subject, COMMON_NAME) ?? '',
    subjectSerialNumber: nameAttribute(subject, SERIAL_NUMBER),
    notBefore,
    notAfter,
    spki,
    publicKey: readPublicKey(spki),
    extensions,
    basicConstraints: basicConstraintsOf(extensions),
    keyUsage: keyUsageOf(extensions),
  };
}

/** The common name in a raw DER name; empty: it has none. Throws Malformed. */
export const commonNameOf = (name: Uint8Array): string => nameAttribute(Der.read(name), COMMON_NAME) ?? '';

/** The first attribute of this type in a Name; null: none, or not text. */
function nameAttribute(name: Der, type: string): string | null {
  for (const set of name.children()) {
    for (const attribute of set.expect(TAG.set, 'name part').children()) {
      const [id, value] = attribute.expect(TAG.sequence, 'name attribute').children();
      if (id === undefined || value === undefined) throw new Malformed('name attribute is cut short', set.offset);
      if (id.oid('name attribute type') !== type) continue;
      const readable = value.tag === TAG.utf8 || value.tag === TAG.printable || value.tag === TAG.ia5;
      return readable ? value.text('name attribute') : null;
    }
  }
  return null;
}
