import { sign } from 'node:crypto';
import { certify, type CertificateParts, type SigningParty } from './x509-authority.ts';

/** CBOR as bytes, so that a test can write what no encoder would: duplicates, long forms, any order. */
export const cbor = {
  head: (major: number, argument: number): Buffer => {
    const top = major << 5;
    if (argument < 24) return Buffer.of(top | argument);
    if (argument < 0x100) return Buffer.of(top | 24, argument);
    if (argument < 0x1_0000) return Buffer.of(top | 25, argument >> 8, argument & 0xff);
    const wide = Buffer.alloc(9, top | 27);
    wide.writeBigUInt64BE(BigInt(argument), 1);
    return wide;
  },
  integer: (value: number): Buffer => (value < 0 ? cbor.head(1, -1 - value) : cbor.head(0, value)),
  bytes: (value: Uint8Array): Buffer => Buffer.concat([cbor.head(2, value.length), value]),
  text: (value: string): Buffer => Buffer.concat([cbor.head(3, Buffer.byteLength(value)), Buffer.from(value)]),
  array: (...items: readonly Buffer[]): Buffer => Buffer.concat([cbor.head(4, items.length), ...items]),
  map: (...pairs: readonly (readonly [Buffer, Buffer])[]): Buffer =>
    Buffer.concat([cbor.head(5, pairs.length), ...pairs.flat()]),
  nothing: Buffer.of(0xf6),
} as const;

export interface NitroAuthority {
  /** For a test's own VendorRoots. */
  readonly root: SigningParty;
  /** Root first, as `cabundle` has them. */
  readonly authorities: readonly SigningParty[];
  readonly leaf: SigningParty;
}

const HOUR_MS = 3_600_000;

/** AWS as the evidence shows it: root, region, instance, and a leaf of three hours. `change` alters one certificate. */
export function nitroAuthority(
  at: number,
  change: (parts: CertificateParts) => Partial<CertificateParts> = () => ({}),
): NitroAuthority {
  const make = (parts: CertificateParts): SigningParty => certify({ ...parts, ...change(parts) });
  const always = {
    algorithm: 'p384-sha384',
    notBefore: new Date(at - HOUR_MS),
    notAfter: new Date(at + 2 * HOUR_MS),
  } as const;
  const root = make({ name: 'root', issuer: null, authority: { pathLength: null }, ...always });
  const region = make({ name: 'region', issuer: root, authority: { pathLength: 1 }, ...always });
  const instance = make({ name: 'instance', issuer: region, authority: { pathLength: 0 }, ...always });
  const leaf = make({ name: 'leaf', issuer: instance, ...always });
  return { root, authorities: [root, region, instance], leaf };
}

export interface DocumentParts {
  readonly timestamp: number;
  readonly pcrs?: readonly (readonly [number, Uint8Array])[];
  readonly nonce?: Uint8Array | null;
  readonly userData?: Uint8Array | null;
  readonly cabundle?: readonly Uint8Array[];
  /** Replaces, adds or (undefined) leaves out entries of the payload. */
  readonly fields?: Readonly<Record<string, Buffer | undefined>>;
  /** Whole payload instead. */
  readonly payload?: Buffer;
  /** Content of the protected header; default `{1: -35}`. */
  readonly protectedHeader?: Buffer;
  readonly unprotected?: Buffer;
  readonly signWith?: SigningParty;
  readonly hash?: 'sha256' | 'sha384';
}

export const register = (byte: number, length = 48): Uint8Array => new Uint8Array(length).fill(byte);
const ES384_HEADER = cbor.map([cbor.integer(1), cbor.integer(-35)]);

/** Entries of a payload in AWS's order. */
export function nitroPayload(authority: NitroAuthority, parts: DocumentParts): Record<string, Buffer> {
  const { pcrs = [0, 1, 2, 3, 4, 8].map((index) => [index, register(index + 1)] as const) } = parts;
  const { cabundle = authority.authorities.map(({ certificate }) => certificate), nonce, userData } = parts;
  const optional = (value: Uint8Array | null | undefined): Buffer =>
    value === undefined || value === null ? cbor.nothing : cbor.bytes(value);
  return {
    module_id: cbor.text('i-0fake-enc01'),
    digest: cbor.text('SHA384'),
    timestamp: cbor.integer(parts.timestamp),
    pcrs: cbor.map(...pcrs.map(([index, value]) => [cbor.integer(index), cbor.bytes(value)] as const)),
    certificate: cbor.bytes(authority.leaf.certificate),
    cabundle: cbor.array(...cabundle.map((item) => cbor.bytes(item))),
    public_key: cbor.nothing,
    user_data: optional(userData),
    nonce: optional(nonce),
  };
}

/** A document that is really signed by the leaf of `authority`. */
export function nitroDocument(authority: NitroAuthority, parts: DocumentParts): Uint8Array {
  const fields = Object.entries({ ...nitroPayload(authority, parts), ...parts.fields });
  const given = fields.filter((entry): entry is [string, Buffer] => entry[1] !== undefined);
  const payload = parts.payload ?? cbor.map(...given.map(([key, value]) => [cbor.text(key), value] as const));
  const header = parts.protectedHeader ?? ES384_HEADER;
  const toSign = cbor.array(
    cbor.text('Signature1'),
    cbor.bytes(header),
    cbor.bytes(Buffer.alloc(0)),
    cbor.bytes(payload),
  );
  const { privateKey } = parts.signWith ?? authority.leaf;
  const signature = sign(parts.hash ?? 'sha384', toSign, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const unprotected = parts.unprotected ?? cbor.map();
  return new Uint8Array(cbor.array(cbor.bytes(header), unprotected, cbor.bytes(payload), cbor.bytes(signature)));
}
