import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { toHex } from '../../core/bytes.ts';
import type { Der } from '../formats/der.ts';

interface Scheme {
  readonly name: string;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly key: 'ec' | 'rsa';
  readonly pss?: true;
}

const ecdsa = (hash: Scheme['hash']): Scheme => ({ name: `ECDSA with ${hash.toUpperCase()}`, hash, key: 'ec' });
const rsa = (hash: Scheme['hash']): Scheme => ({ name: `RSA with ${hash.toUpperCase()}`, hash, key: 'rsa' });

const pssSha384: Scheme = { name: 'RSASSA-PSS with SHA384', hash: 'sha384', key: 'rsa', pss: true };
/** What stands after the outer length and before the trailer field, which DER would leave out and AMD's ARKs do not. */
const identifierOfPss = (parameterBytes: string): string =>
  [
    `06092a864886f70d01010a30${parameterBytes}`,
    'a00f300d0609608648016503040202' + '0500',
    'a11c301a06092a864886f70d010108300d0609608648016503040202' + '0500',
    'a203020130',
  ].join('');

/**
 * AlgorithmIdentifiers that vendors sign with, as whole DER in hexadecimal, so that parameters cannot vary: RFC 5758
 * (ECDSA: parameters absent), RFC 4055 (RSA: NULL; RSASSA-PSS as AMD writes it: SHA-384, MGF1 SHA-384, salt 48).
 */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  '300a06082a8648ce3d040302': ecdsa('sha256'),
  '300a06082a8648ce3d040303': ecdsa('sha384'),
  '300a06082a8648ce3d040304': ecdsa('sha512'),
  '300d06092a864886f70d01010b0500': rsa('sha256'),
  '300d06092a864886f70d01010c0500': rsa('sha384'),
  '300d06092a864886f70d01010d0500': rsa('sha512'),
  [`3046${identifierOfPss('39')}a303020101`]: pssSha384,
  [`3041${identifierOfPss('34')}`]: pssSha384,
};

/** A SubjectPublicKeyInfo that node:crypto understands, or null. */
export function readPublicKey(spki: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** The scheme's name for people; its identifier in hexadecimal where it is not one we know. */
export const schemeName = (algorithm: Der): string => SCHEMES[toHex(algorithm.bytes)]?.name ?? 'an unknown algorithm';

/** An X.509 signature (certificate, CRL, OCSP response). False for an unknown algorithm and for a key of another kind. */
export function signatureHolds(
  algorithm: Der,
  signed: Uint8Array,
  signature: Uint8Array,
  key: KeyObject | null,
): boolean {
  const scheme = SCHEMES[toHex(algorithm.bytes)];
  if (scheme === undefined || key?.asymmetricKeyType !== scheme.key) return false;
  const options =
    scheme.pss === true
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }
      : { key, dsaEncoding: 'der' as const };
  return verify(scheme.hash, signed, options, signature);
}

/** An ECDSA signature as two big-endian numbers, r then s, each as long as the curve's order (IEEE P1363). */
export function rawSignatureHolds(
  hash: 'sha256' | 'sha384',
  signed: Uint8Array,
  signature: Uint8Array,
  key: KeyObject | null,
): boolean {
  if (key?.asymmetricKeyType !== 'ec') return false;
  return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
