import { toHex } from '../../core/bytes.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { Der, TAG, contextTag, type DerSequence } from '../formats/der.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { readExtensions, type Extensions } from './extensions.ts';

export const MAX_OCSP_RESPONSE_BYTES = 64 * 1024;
const MAX_ANSWERS = 64;
const MAX_CERTIFICATES = 8;
const SUCCESSFUL = 0;
const BASIC = '1.3.6.1.5.5.7.48.1.1';

/** What the responder identifies a certificate by (RFC 6960 §4.1.1). */
export interface CertificateId {
  /** Dotted identifier of the hash. */
  readonly hash: string;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Hexadecimal, as Certificate.serial has it. */
  readonly serial: string;
}

export interface OcspAnswer {
  readonly id: CertificateId;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** CRLReason of a revoked certificate (6: on hold); null: none given. */
  readonly reason: number | null;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Null: it does not say, which is refused when it is used. */
  readonly nextUpdate: number | null;
  readonly extensions: Extensions;
}

/** One successful basic OCSPResponse (RFC 6960 §4.2.1), parsed; believed only after `ocspVerdict`. */
export interface OcspResponse {
  readonly signed: Uint8Array;
  readonly algorithm: Der;
  readonly signature: Uint8Array;
  /** Who says that it answered: a raw DER name, or the SHA-1 of its public key. */
  readonly responder: { readonly name: Uint8Array } | { readonly keyHash: Uint8Array };
  readonly producedAt: number;
  readonly answers: readonly OcspAnswer[];
  readonly extensions: Extensions;
  /** For a delegated responder; unverified. */
  readonly certificates: readonly Certificate[];
}

/** Total; E-ATTEST-MALFORMED for anything that is not one successful basic response within 64 KiB. */
export const parseOcspResponse = (der: Uint8Array): Result<OcspResponse, Refusal> =>
  total('OCSP response', () => readOcspResponse(der));

function readOcspResponse(der: Uint8Array): OcspResponse {
  if (der.length > MAX_OCSP_RESPONSE_BYTES) throw new Malformed('larger than 64 KiB');
  const outer = Der.read(der).sequence('OCSP response');
  const status = outer.next('status').smallInteger('status', TAG.enumerated);
  if (status !== SUCCESSFUL) throw new Malformed(`the responder gave no answer (status ${status})`);
  const body = only(outer.next('body').expect(contextTag(0, true), 'body'), 'body').sequence('body');
  outer.end();
  if (body.next('type').oid('type') !== BASIC) throw new Malformed('another kind of response');
  const basic = Der.read(body.next('response').octets('response')).sequence('basic response');
  body.end();
  const data = basic.next('data');
  const algorithm = basic.next('algorithm').expect(TAG.sequence, 'algorithm');
  const signature = basic.next('signature').bits('signature');
  const wrapped = basic.optional(contextTag(0, true));
  basic.end();
  const certificates =
    wrapped === null ? [] : only(wrapped, 'certificates').expect(TAG.sequence, 'certificates').children();
  if (certificates.length > MAX_CERTIFICATES) throw new Malformed('too many certificates', data.offset);
  return {
    signed: data.bytes,
    algorithm,
    signature,
    ...readData(data.sequence('data')),
    certificates: certificates.map(({ bytes }) => readCertificate(bytes)),
  };
}

function readData(data: DerSequence): Pick<OcspResponse, 'responder' | 'producedAt' | 'answers' | 'extensions'> {
  if (data.optional(contextTag(0, true)) !== null) throw new Malformed('not version 1');
  const responder = readResponder(data.next('responder'));
  const producedAt = data.next('time of the answer').time('time of the answer');
  const answers = data.next('answers').expect(TAG.sequence, 'answers').children();
  if (answers.length > MAX_ANSWERS) throw new Malformed('too many answers');
  const extensions = readExtensions(data, 1);
  data.end();
  return { responder, producedAt, answers: answers.map(readAnswer), extensions };
}

function readResponder(item: Der): OcspResponse['responder'] {
  if (item.tag === contextTag(1, true))
    return { name: only(item, 'responder').expect(TAG.sequence, 'responder').bytes };
  return { keyHash: only(item.expect(contextTag(2, true), 'responder'), 'responder').octets('responder key') };
}

function readAnswer(item: Der): OcspAnswer {
  const parts = item.sequence('answer');
  const id = readId(parts.next('certificate').sequence('certificate identifier'));
  const { status, reason } = readStatus(parts.next('status'));
  const thisUpdate = parts.next('start of validity').time('start of validity');
  const next = parts.optional(contextTag(0, true));
  const nextUpdate = next === null ? null : only(next, 'end of validity').time('end of validity');
  const extensions = readExtensions(parts, 1);
  parts.end();
  return { id, status, reason, thisUpdate, nextUpdate, extensions };
}

function readId(parts: DerSequence): CertificateId {
  const [hash, parameters, ...others] = parts.next('hash').expect(TAG.sequence, 'hash').children();
  const plain = parameters === undefined || (parameters.tag === TAG.null && parameters.content.length === 0);
  if (hash === undefined || others.length > 0 || !plain) throw new Malformed('hash has parameters');
  const issuerNameHash = parts.next('issuer name').octets('issuer name');
  const issuerKeyHash = parts.next('issuer key').octets('issuer key');
  const serial = toHex(parts.next('serial number').integerBytes('serial number'));
  parts.end();
  return { hash: hash.oid('hash'), issuerNameHash, issuerKeyHash, serial };
}

function readStatus(item: Der): Pick<OcspAnswer, 'status' | 'reason'> {
  const empty = item.content.length === 0;
  if (item.tag === contextTag(0, false) && empty) return { status: 'good', reason: null };
  if (item.tag === contextTag(2, false) && empty) return { status: 'unknown', reason: null };
  const [when, why, ...others] = item.expect(contextTag(1, true), 'status').children();
  if (when === undefined || others.length > 0) throw new Malformed('status is malformed', item.offset);
  when.time('time of revocation');
  if (why === undefined) return { status: 'revoked', reason: null };
  const reason = only(why.expect(contextTag(0, true), 'reason'), 'reason').smallInteger('reason', TAG.enumerated);
  return { status: 'revoked', reason };
}

function only(wrapper: Der, what: string): Der {
  const [inner, ...others] = wrapper.children();
  if (inner === undefined || others.length > 0) throw new Malformed(`${what} is not one element`, wrapper.offset);
  return inner;
}
