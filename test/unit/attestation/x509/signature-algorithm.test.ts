import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Der } from '../../../../lib/attestation/formats/der.ts';
import {
  rawSignatureHolds,
  readPublicKey,
  schemeName,
  signatureHolds,
} from '../../../../lib/attestation/x509/signature-algorithm.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const edwards = generateKeyPairSync('ed25519');
const DATA = Buffer.from('what was signed');
const PSS = (inner: string): string =>
  `06092a864886f70d01010a30${inner}a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130`;
const pss = (key: KeyObject, saltLength = 48): Buffer =>
  sign('sha384', DATA, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

/** AlgorithmIdentifiers of RFC 5758 and RFC 4055 as whole DER, with a signature that is made so. */
const SCHEMES: readonly (readonly [name: string, der: string, key: KeyObject, signature: Buffer])[] = [
  ['ECDSA with SHA256', '300a06082a8648ce3d040302', p256.publicKey, sign('sha256', DATA, p256.privateKey)],
  ['ECDSA with SHA384', '300a06082a8648ce3d040303', p256.publicKey, sign('sha384', DATA, p256.privateKey)],
  ['ECDSA with SHA512', '300a06082a8648ce3d040304', p256.publicKey, sign('sha512', DATA, p256.privateKey)],
  ['RSA with SHA256', '300d06092a864886f70d01010b0500', rsa.publicKey, sign('sha256', DATA, rsa.privateKey)],
  ['RSA with SHA384', '300d06092a864886f70d01010c0500', rsa.publicKey, sign('sha384', DATA, rsa.privateKey)],
  ['RSA with SHA512', '300d06092a864886f70d01010d0500', rsa.publicKey, sign('sha512', DATA, rsa.privateKey)],
  ['RSASSA-PSS with SHA384', `3041${PSS('34')}`, rsa.publicKey, pss(rsa.privateKey)],
  ['RSASSA-PSS with SHA384', `3046${PSS('39')}a303020101`, rsa.publicKey, pss(rsa.privateKey)],
];
const identifier = (hex: string): Der => Der.read(Buffer.from(hex, 'hex'));

describe('X.509 signatures', () => {
  it.each(SCHEMES)('%s (%s) holds for its own signature and no other', (name, der, key, signature) => {
    expect(schemeName(identifier(der))).toBe(name);
    expect(signatureHolds(identifier(der), DATA, signature, key)).toBe(true);
    expect(signatureHolds(identifier(der), Buffer.from('something else'), signature, key)).toBe(false);
    for (const [other, , , made] of SCHEMES) {
      if (other !== name) expect(signatureHolds(identifier(der), DATA, made, key), other).toBe(false);
    }
  });

  it.each(SCHEMES)('%s (%s) does not hold without a key, nor with one of another kind', (_, der, key, signature) => {
    const other = key === rsa.publicKey ? p256.publicKey : rsa.publicKey;
    for (const wrong of [null, other, edwards.publicKey]) {
      expect(signatureHolds(identifier(der), DATA, signature, wrong)).toBe(false);
    }
  });

  it('a salt of another length, parameters that should be absent and SHA-1 are refused', () => {
    expect(signatureHolds(identifier(`3041${PSS('34')}`), DATA, pss(rsa.privateKey, 32), rsa.publicKey)).toBe(false);
    const sha256 = sign('sha256', DATA, p256.privateKey);
    expect(signatureHolds(identifier('300c06082a8648ce3d0403020500'), DATA, sha256, p256.publicKey)).toBe(false);
    const sha1 = sign('sha1', DATA, rsa.privateKey);
    const unknown = identifier('300d06092a864886f70d0101050500');
    expect(signatureHolds(unknown, DATA, sha1, rsa.publicKey)).toBe(false);
    expect(schemeName(unknown)).toBe('an unknown algorithm');
  });
});

describe('raw ECDSA signatures', () => {
  const signature = sign('sha256', DATA, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' });

  it('hold for data, hash and key that they were made with', () => {
    expect(rawSignatureHolds('sha256', DATA, signature, p256.publicKey)).toBe(true);
    expect(rawSignatureHolds('sha384', DATA, signature, p256.publicKey)).toBe(false);
    expect(rawSignatureHolds('sha256', Buffer.from('something else'), signature, p256.publicKey)).toBe(false);
    expect(rawSignatureHolds('sha256', DATA, sign('sha256', DATA, p256.privateKey), p256.publicKey)).toBe(false);
  });

  it.each([null, rsa.publicKey, edwards.publicKey])('never hold with %s', (key) => {
    expect(rawSignatureHolds('sha256', DATA, signature, key)).toBe(false);
    expect(rawSignatureHolds('sha256', DATA, sign('sha256', DATA, rsa.privateKey), key)).toBe(false);
  });
});

it('a key is read from its DER, and nothing from other bytes', () => {
  const der = p256.publicKey.export({ format: 'der', type: 'spki' });
  expect(readPublicKey(der)?.equals(p256.publicKey)).toBe(true);
  expect(readPublicKey(der.subarray(1))).toBeNull();
});
