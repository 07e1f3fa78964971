import { createHash, type KeyObject } from 'node:crypto';
import { element, octets, oid, sequence, tagged } from '../../lib/wire/der.ts';
import { parseCertificate } from '../../lib/attestation/x509/certificate.ts';
import { distinguishedName, signed, type SigningParty } from './x509-authority.ts';

const HASHES = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1', sha384: '2.16.840.1.101.3.4.2.2' } as const;
/** extendedKeyUsage with id-kp-OCSPSigning. */
export const OCSP_SIGNING = { id: '2.5.29.37', value: sequence(oid('1.3.6.1.5.5.7.3.9')) };

export interface OcspParts {
  readonly certificate: SigningParty;
  /** Who issued it. */
  readonly issuer: SigningParty;
  /** Default: the issuer itself, whose certificate is then left out. */
  readonly responder?: SigningParty;
  readonly status?: 'good' | 'unknown' | 'revoked' | 'revoked-without-reason';
  /** CRLReason, for `revoked`. */
  readonly reason?: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  readonly producedAt?: Date;
  readonly hash?: keyof typeof HASHES;
  readonly namedBy?: 'name' | 'key';
  readonly nonce?: Uint8Array;
  /** Identifiers of critical extensions, of the whole answer and of its part. */
  readonly critical?: { readonly whole?: string; readonly part?: string };
}

/** A successful OCSPResponse that really is signed (RFC 6960 §4.2.1), DER. */
export function ocspResponse(parts: OcspParts): Uint8Array {
  const { certificate, issuer, thisUpdate, nextUpdate, critical = {}, namedBy = 'name', hash = 'sha1' } = parts;
  const responder = parts.responder ?? issuer;
  const parsed = parseCertificate(certificate.certificate);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const digest = (bytes: Uint8Array, name: string = hash): Buffer => octets(createHash(name).update(bytes).digest());
  const id = sequence(
    sequence(oid(HASHES[hash]), Buffer.of(5, 0)),
    digest(distinguishedName(issuer)),
    digest(keyBits(issuer.publicKey)),
    element(2, Buffer.from(parsed.value.serial, 'hex')),
  );
  const answer = sequence(
    id,
    statusOf(parts),
    generalizedTime(thisUpdate),
    ...(nextUpdate === null ? [] : [tagged(0, true, generalizedTime(nextUpdate))]),
    ...(critical.part === undefined
      ? []
      : [tagged(1, true, sequence(extension(critical.part, true, Buffer.of(5, 0))))]),
  );
  const extensions = [
    ...(parts.nonce === undefined ? [] : [extension('1.3.6.1.5.5.7.48.1.2', false, octets(parts.nonce))]),
    ...(critical.whole === undefined ? [] : [extension(critical.whole, true, Buffer.of(5, 0))]),
  ];
  const data = sequence(
    namedBy === 'name'
      ? tagged(1, true, distinguishedName(responder))
      : tagged(2, true, digest(keyBits(responder.publicKey), 'sha1')),
    generalizedTime(parts.producedAt ?? thisUpdate),
    sequence(answer),
    ...(extensions.length === 0 ? [] : [tagged(1, true, sequence(...extensions))]),
  );
  const basic = signed(data, responder);
  const certificates = responder === issuer ? [] : [tagged(0, true, sequence(responder.certificate))];
  const whole = element(0x30, basic.subarray(basic.length - contentLength(basic)), ...certificates);
  return new Uint8Array(
    sequence(element(0x0a, Buffer.of(0)), tagged(0, true, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octets(whole)))),
  );
}

function statusOf({ status = 'good', reason, thisUpdate }: OcspParts): Buffer {
  if (status === 'good') return tagged(0, false);
  if (status === 'unknown') return tagged(2, false);
  const why = status === 'revoked' && reason !== undefined ? [tagged(0, true, element(0x0a, Buffer.of(reason)))] : [];
  return tagged(1, true, generalizedTime(thisUpdate), ...why);
}

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  sequence(oid(id), ...(critical ? [element(1, Buffer.of(0xff))] : []), octets(value));

const generalizedTime = (moment: Date): Buffer =>
  element(24, Buffer.from(`${moment.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`));

/** Content of subjectPublicKey: an uncompressed point of P-384. */
const keyBits = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(-97);

/** Bytes after tag and length. */
function contentLength(element: Uint8Array): number {
  const first = element[1] ?? 0;
  return element.length - (first < 0x80 ? 2 : 2 + (first & 0x7f));
}
