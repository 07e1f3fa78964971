import { constants, createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  bits,
  element,
  integer,
  octets,
  oid,
  sequence,
  setOf,
  tagged,
  time,
  truth,
  utf8Text,
} from '../../lib/wire/der.ts';

/** How a fake authority signs, in the algorithms that real vendors use. */
export type Algorithm = 'p256-sha256' | 'p384-sha384' | 'rsa-pss-sha384' | 'rsa-sha256';

export interface SigningParty {
  readonly name: string;
  /** The serialNumber attribute of its name; undefined: it has none. */
  readonly serialNumber?: string | undefined;
  readonly algorithm: Algorithm;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
  /** SHA-256 of the certificate, for a test's own VendorRoots. */
  readonly fingerprint: string;
}

export interface ExtensionParts {
  readonly id: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

export interface CertificateParts {
  readonly name: string;
  readonly serialNumber?: string | undefined;
  readonly algorithm: Algorithm;
  /** Null: signed by itself. */
  readonly issuer: SigningParty | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Authority with this path length (null: any); undefined: a leaf. */
  readonly authority?: { readonly pathLength: number | null };
  /** Bits of KeyUsage as the first byte of the bit string; undefined: what an authority or a signing leaf needs. */
  readonly keyUsage?: number | null;
  readonly extensions?: readonly ExtensionParts[];
  /** First byte 1 to 127. */
  readonly serial?: Uint8Array;
  /** RSA takes long to make: a test may share key pairs. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

const PSS_SHA384 = Buffer.from(
  '304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130a303020101',
  'hex',
);
const IDENTIFIER: Readonly<Record<Algorithm, Buffer>> = {
  'p256-sha256': sequence(oid('1.2.840.10045.4.3.2')),
  'p384-sha384': sequence(oid('1.2.840.10045.4.3.3')),
  'rsa-pss-sha384': PSS_SHA384,
  'rsa-sha256': sequence(oid('1.2.840.113549.1.1.11'), Buffer.of(5, 0)),
};
const CERT_AND_CRL_SIGN = 0b0000_0110;
const DIGITAL_SIGNATURE = 0b1000_0000;

export function newKeys(algorithm: Algorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm === 'p256-sha256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (algorithm === 'p384-sha384') return generateKeyPairSync('ec', { namedCurve: 'P-384' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** A certificate that really is signed (RFC 5280 §4.1), with its keys. */
export function certify(parts: CertificateParts): SigningParty {
  const { name, serialNumber, algorithm, issuer, authority, notBefore, notAfter, extensions = [] } = parts;
  const keys = parts.keys ?? newKeys(algorithm);
  const signer = issuer ?? { name, serialNumber, algorithm, ...keys };
  const usage = parts.keyUsage === undefined ? (authority ? CERT_AND_CRL_SIGN : DIGITAL_SIGNATURE) : parts.keyUsage;
  const constraints =
    authority === undefined
      ? sequence()
      : sequence(truth(), ...(authority.pathLength === null ? [] : [element(2, Buffer.of(authority.pathLength))]));
  const body = sequence(
    tagged(0, true, integer(Buffer.of(2))),
    integer(
      parts.serial ??
        Buffer.from([1 + (serials++ % 127), ...createHash('sha256').update(name).digest().subarray(0, 15)]),
    ),
    IDENTIFIER[signer.algorithm],
    distinguishedName(signer),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName({ name, serialNumber }),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      3,
      true,
      sequence(
        extension({ id: '2.5.29.19', critical: true, value: constraints }),
        ...(usage === null ? [] : [extension({ id: '2.5.29.15', critical: true, value: namedBits(usage) })]),
        ...extensions.map(extension),
      ),
    ),
  );
  const certificate = new Uint8Array(signed(body, signer));
  const fingerprint = createHash('sha256').update(certificate).digest('hex');
  return { name, serialNumber, algorithm, ...keys, certificate, fingerprint };
}

let serials = 0;

export interface RevocationListParts {
  readonly issuer: SigningParty;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  /** Serial numbers, hexadecimal. */
  readonly revoked?: readonly string[];
  readonly number?: number;
  readonly extensions?: readonly ExtensionParts[];
}

/** A certificate revocation list (RFC 5280 §5.1), DER. */
export function revocationList({
  issuer,
  thisUpdate,
  nextUpdate,
  revoked = [],
  number = 1,
  extensions = [],
}: RevocationListParts): Uint8Array {
  const entries = revoked.map((serial) => sequence(element(2, Buffer.from(serial, 'hex')), time(thisUpdate)));
  const body = sequence(
    integer(Buffer.of(1)),
    IDENTIFIER[issuer.algorithm],
    distinguishedName(issuer),
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    tagged(
      0,
      true,
      sequence(extension({ id: '2.5.29.20', value: integer(Buffer.of(number)) }), ...extensions.map(extension)),
    ),
  );
  return new Uint8Array(signed(body, issuer));
}

/** SEQUENCE of body, algorithm and signature. */
export const signed = (body: Uint8Array, by: Pick<SigningParty, 'algorithm' | 'privateKey'>): Buffer =>
  sequence(body, IDENTIFIER[by.algorithm], bits(signWith(by, body)));

/** The signature in the form that X.509 wants. */
export function signWith(
  { algorithm, privateKey }: Pick<SigningParty, 'algorithm' | 'privateKey'>,
  data: Uint8Array,
): Buffer {
  if (algorithm === 'p256-sha256') return sign('sha256', data, privateKey);
  if (algorithm === 'p384-sha384') return sign('sha384', data, privateKey);
  if (algorithm === 'rsa-sha256') return sign('sha256', data, privateKey);
  return sign('sha384', data, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 });
}

export const distinguishedName = ({ name, serialNumber }: Pick<SigningParty, 'name' | 'serialNumber'>): Buffer =>
  sequence(
    ...(serialNumber === undefined ? [] : [setOf(sequence(oid('2.5.4.5'), utf8Text(serialNumber)))]),
    setOf(sequence(oid('2.5.4.3'), utf8Text(name))),
  );

const extension = ({ id, critical = false, value }: ExtensionParts): Buffer =>
  sequence(oid(id), ...(critical ? [truth()] : []), octets(value));

function namedBits(first: number): Buffer {
  const unused = first === 0 ? 0 : Math.clz32((first & -first) - 1) === 32 ? 0 : 32 - Math.clz32((first & -first) - 1);
  return first === 0 ? bits(Buffer.alloc(0)) : bits(Buffer.of(first), unused);
}
