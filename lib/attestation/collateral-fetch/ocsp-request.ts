import { concatBytes, fromHex } from '../../core/bytes.ts';
import type { Certificate } from '../x509/certificate.ts';
import { certificateHashes } from '../x509/ocsp-status.ts';

/** Content of the object identifiers of SHA-384 and of the nonce. */
const SHA384 = fromHex('608648016503040202') ?? new Uint8Array();
const NONCE = fromHex('2b0601050507300102') ?? new Uint8Array();
const TAG = { integer: 2, octets: 4, null: 5, oid: 6, sequence: 0x30, requestExtensions: 0xa2 } as const;

/** OCSPRequest (RFC 6960 §4.1) about one certificate, with a nonce (RFC 9654), unsigned; DER. */
export function ocspRequest(certificate: Certificate, issuer: Certificate, nonce: Uint8Array): Uint8Array {
  const { name, key } = certificateHashes('sha384', issuer);
  const id = list(
    list(part(TAG.oid, SHA384), part(TAG.null)),
    part(TAG.octets, name),
    part(TAG.octets, key),
    part(TAG.integer, fromHex(certificate.serial) ?? new Uint8Array()),
  );
  const extension = list(part(TAG.oid, NONCE), part(TAG.octets, part(TAG.octets, nonce)));
  return list(list(list(list(id)), part(TAG.requestExtensions, list(extension))));
}

/** All lengths here stay below 2^16. */
function part(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...content);
  const { length } = body;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...header), body);
}

const list = (...items: readonly Uint8Array[]): Uint8Array => part(TAG.sequence, ...items);
