import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type { Instant } from '../core/ids.ts';
import { bits, integer, octets, oid, sequence, setOf, tagged, time, truth, utf8Text } from './der.ts';
import { identityUri, type PeerIdentity } from './peer-identity.ts';
import { subjectAltName } from './subject-alt-name.ts';
import type { TlsMaterial } from './tls-material.ts';

/** A throw-away certificate authority for simulation and trials: its key lies in memory only. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Validity {
  /** First moment of validity. */
  readonly at: Instant;
  readonly days: number;
}

export interface IssueParts extends PeerIdentity, Validity {
  /** DNS names and IP addresses at which a server is dialled. */
  readonly addresses: readonly string[];
}

const DAY_MS = 86_400_000;
const COMMON_NAME = /^[A-Za-z0-9 -]{1,64}$/;
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const SERVER_AUTH = oid('1.3.6.1.5.5.7.3.1');
const CLIENT_AUTH = oid('1.3.6.1.5.5.7.3.2');
/** Bits of KeyUsage (RFC 5280 §4.2.1.3). */
const SIGNS_CERTIFICATES = bits(Buffer.of(0b0000_0110), 1);
const SIGNS_HANDSHAKES = bits(Buffer.of(0b1000_0000), 7);
/** Which programs are dialled: the certificates of the others cannot stand for a server. */
const SERVES = { site: false, researcher: false, coordinator: true, enclave: true } as const;

export function createAuthority({ name, ...validity }: { readonly name: string } & Validity): Authority {
  const keys = newKeys();
  const authority = { name, ...keys };
  const certificate = certify(authority, {
    subject: name,
    publicKey: keys.publicKey,
    validity,
    extensions: [
      extension('2.5.29.19', true, sequence(truth(), integer(Buffer.of(0)))),
      extension('2.5.29.15', true, SIGNS_CERTIFICATES),
    ],
  });
  return { ...authority, certificate };
}

/** A certificate (ECDSA P-256) for one program: a client's, and for coordinator and enclave also a server's. */
export function issue(authority: Authority, { role, id, addresses, at, days }: IssueParts): TlsMaterial {
  const keys = newKeys();
  const usages = SERVES[role] ? [CLIENT_AUTH, SERVER_AUTH] : [CLIENT_AUTH];
  const certificate = certify(authority, {
    subject: `${role} ${id}`.slice(0, 64),
    publicKey: keys.publicKey,
    validity: { at, days },
    extensions: [
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, SIGNS_HANDSHAKES),
      extension('2.5.29.37', false, sequence(...usages)),
      extension('2.5.29.17', false, subjectAltName(identityUri({ role, id }), addresses)),
    ],
  });
  const privateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate, privateKey, authority: authority.certificate };
}

interface Claims {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}

/** X.509 v3 (RFC 5280 §4.1), signed by `issuer`; PEM. */
function certify(issuer: Omit<Authority, 'certificate'>, { subject, publicKey, validity, extensions }: Claims): string {
  const { at, days } = validity;
  const identifiers = [
    extension('2.5.29.14', false, octets(keyIdentifier(publicKey))),
    extension('2.5.29.35', false, sequence(tagged(0, false, keyIdentifier(issuer.publicKey)))),
  ];
  const body = sequence(
    tagged(0, true, integer(Buffer.of(2))),
    integer(newSerial()),
    ECDSA_WITH_SHA256,
    nameOf(issuer.name),
    sequence(time(new Date(at)), time(new Date(at + days * DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, true, sequence(...extensions, ...identifiers)),
  );
  const der = sequence(body, ECDSA_WITH_SHA256, bits(sign('sha256', body, issuer.privateKey)));
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** 16 random bytes, positive and without a leading zero (RFC 5280 §4.1.2.2). */
function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  return serial;
}

const keyIdentifier = (publicKey: KeyObject): Buffer =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);

function nameOf(commonName: string): Buffer {
  if (!COMMON_NAME.test(commonName)) throw new RangeError('a common name has 1-64 letters, digits, spaces or hyphens');
  return sequence(setOf(sequence(oid('2.5.4.3'), utf8Text(commonName))));
}

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [truth()] : []), octets(value));
