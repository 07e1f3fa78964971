import { constants, createDecipheriv, privateDecrypt, type KeyObject } from 'node:crypto';
import { concatBytes } from '../../core/bytes.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { contextTag, Der, TAG } from '../formats/der.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { definiteLengths } from './definite-lengths.ts';

const OID = {
  envelopedData: '1.2.840.113549.1.7.3',
  data: '1.2.840.113549.1.7.1',
  oaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  sha256: '2.16.840.1.101.3.4.2.1',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;
/** With a subject key identifier (RFC 5652 §6.1, §6.2.1). */
const VERSION = 2;
const KEY_BYTES = 32;
const IV_BYTES = 16;

/** CMS EnvelopedData (RFC 5652 §6) of the one shape that AWS KMS makes; byte strings as they stand in it. */
export interface EnvelopedData {
  readonly recipient: Uint8Array;
  /** RSAES-OAEP, SHA-256 and MGF1 with SHA-256. */
  readonly encryptedKey: Uint8Array;
  /** AES-256-CBC, PKCS #7 padding. */
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/**
 * `CiphertextForRecipient`: outer layers of indefinite length, content in one or more octet strings. Exactly one
 * recipient: a second could read the same key. Total; E-ATTEST-MALFORMED.
 */
export const parseEnvelopedData = (bytes: Uint8Array): Result<EnvelopedData, Refusal> =>
  total('CMS EnvelopedData', () => {
    const info = Der.read(definiteLengths(bytes)).sequence('ContentInfo');
    is(info.next('content type').oid('content type'), OID.envelopedData, 'content type');
    const [body, more] = info.next('content').expect(contextTag(0, true), 'content').children();
    info.end();
    if (body === undefined || more !== undefined) throw new Malformed('content is not one element');
    const enveloped = body.sequence('EnvelopedData');
    is(enveloped.next('version').smallInteger('version'), VERSION, 'version');
    const recipients = enveloped.next('recipients').expect(TAG.set, 'recipients').children();
    const [recipient] = recipients;
    if (recipient === undefined || recipients.length > 1) throw new Malformed('not exactly one recipient');
    const wrapped = recipientInfo(recipient);
    const content = encryptedContent(enveloped.next('encrypted content'));
    enveloped.end();
    return { ...wrapped, ...content };
  });

/** E-SEAL-UNAVAILABLE, with no word about which step failed, when the key does not open it. */
export function openEnvelopedData(
  { encryptedKey, iv, ciphertext }: EnvelopedData,
  privateKey: KeyObject,
): Result<Uint8Array, Refusal> {
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const key = privateDecrypt({ key: privateKey, padding, oaepHash: 'sha256' }, encryptedKey);
    if (key.length !== KEY_BYTES) throw new RangeError('key length');
    const decipher = createDecipheriv('aes-256-cbc', key, iv);
    const opened = concatBytes(decipher.update(ciphertext), decipher.final());
    key.fill(0);
    return ok(opened);
  } catch {
    return err(refusal('E-SEAL-UNAVAILABLE', 'CMS EnvelopedData: does not open with the key of this enclave'));
  }
}

function recipientInfo(element: Der): Pick<EnvelopedData, 'recipient' | 'encryptedKey'> {
  const info = element.sequence('recipient');
  is(info.next('version').smallInteger('version'), VERSION, 'version of the recipient');
  const recipient = info.next('key identifier').expect(contextTag(0, false), 'key identifier').content;
  const algorithm = info.next('algorithm').sequence('algorithm');
  is(algorithm.next('identifier').oid('identifier'), OID.oaep, 'key transport');
  const parameters = algorithm.next('parameters').sequence('OAEP parameters');
  algorithm.end();
  const hash = only(parameters.next('hash').expect(contextTag(0, true), 'hash'));
  is(hashOf(hash), OID.sha256, 'OAEP hash');
  const mask = only(parameters.next('mask').expect(contextTag(1, true), 'mask')).sequence('mask');
  is(mask.next('function').oid('function'), OID.mgf1, 'mask function');
  is(hashOf(mask.next('mask hash')), OID.sha256, 'mask hash');
  mask.end();
  parameters.end();
  const encryptedKey = info.next('encrypted key').octets('encrypted key');
  info.end();
  return { recipient, encryptedKey };
}

function encryptedContent(element: Der): Pick<EnvelopedData, 'iv' | 'ciphertext'> {
  const info = element.sequence('encrypted content');
  is(info.next('type').oid('type'), OID.data, 'type of the content');
  const algorithm = info.next('algorithm').sequence('algorithm');
  is(algorithm.next('identifier').oid('identifier'), OID.aes256Cbc, 'content encryption');
  const iv = algorithm.next('IV').octets('IV');
  algorithm.end();
  is(iv.length, IV_BYTES, 'length of the IV');
  const content = info.next('ciphertext');
  info.end();
  if (content.tag === contextTag(0, false)) return { iv, ciphertext: content.content };
  const parts = content.expect(contextTag(0, true), 'ciphertext').children();
  return { iv, ciphertext: concatBytes(...parts.map((part) => part.octets('part of the ciphertext'))) };
}

function hashOf(element: Der): string {
  const algorithm = element.sequence('hash');
  const identifier = algorithm.next('identifier').oid('identifier');
  const parameters = algorithm.optional(TAG.null);
  if (parameters !== null && parameters.content.length > 0) throw new Malformed('NULL is not empty', parameters.offset);
  algorithm.end();
  return identifier;
}

function only(element: Der): Der {
  const [child, more] = element.children();
  if (child === undefined || more !== undefined) throw new Malformed('not one element', element.offset);
  return child;
}

function is<T extends string | number>(got: T, want: T, what: string): void {
  if (got !== want) throw new Malformed(`${what} is another than AWS KMS uses`);
}
