import { createHash, sign } from 'node:crypto';
import { integer, octets, oid, sequence } from '../../lib/wire/der.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import type { CollateralItem } from '../../lib/attestation/collateral/collateral.ts';
import { ocspResponse, type OcspParts } from './ocsp-authority.ts';
import { certify, type CertificateParts, type SigningParty } from './x509-authority.ts';

const START = new Date('2026-01-01T00:00:00Z');
const END = new Date('2026-12-31T00:00:00Z');
const always = { algorithm: 'p384-sha384', notBefore: START, notAfter: END } as const;

/** Everything that this authority makes is valid then. */
export const AT = Date.parse('2026-06-01T00:00:00Z');
const ISSUED = new Date('2026-05-30T00:00:00Z');
const UNTIL = new Date('2026-06-06T00:00:00Z');

export const sha384 = (text: string): string => createHash('sha384').update(text).digest('hex');
export const FWID = sha384('firmware');
const BLOCKS = 64;
const DRIVER_INDEXES = [7, 21, 35];
const VBIOS_INDEXES = [0, 1, 2];

export interface GpuParts {
  /** In the identity certificate's name. */
  readonly serial?: string;
  /** Common names of leaf and identity certificate. */
  readonly chip?: string;
  readonly nonce?: Uint8Array;
  /** By index of a RIM, from 0; null: not measured at all. */
  readonly measured?: Readonly<Record<number, string | null>>;
  /** Type → data; null: left out. Over those of a plain Hopper GPU. */
  readonly opaque?: Readonly<Record<number, Uint8Array | null>>;
  /** Extensions of the leaf instead of the one with FWID. */
  readonly leaf?: Partial<CertificateParts>;
  readonly identity?: Partial<CertificateParts>;
  /** Signs the report instead of the leaf. */
  readonly signWith?: SigningParty;
  readonly blocks?: number;
}

export interface Gpu {
  /** Request, response, signature. */
  readonly report: Uint8Array;
  readonly leaf: SigningParty;
  readonly identity: SigningParty;
  /** Leaf to root. */
  readonly chain: readonly SigningParty[];
  /** One element of the list in NVIDIA's JSON. */
  readonly evidence: Readonly<Record<string, string>>;
}

export interface RimParts {
  readonly product?: string;
  readonly edition?: string;
  readonly version: string;
  /** Index → alternatives. */
  readonly active: Readonly<Record<number, readonly string[]>>;
  readonly signer?: SigningParty;
  /** Certificates in the file; default: signer, its issuer, the root. */
  readonly certificates?: readonly SigningParty[];
  /** Changes before the digest is taken, of SignedInfo before it is signed, and of the file at the end. */
  readonly document?: (xml: string) => string;
  readonly signedInfo?: (xml: string) => string;
  readonly after?: (xml: string) => string;
}

/** NVIDIA with keys of its own: device certificates, reports, RIMs and OCSP answers that really are signed. */
export interface NvidiaAuthority {
  readonly roots: VendorRoots;
  readonly deviceRoot: SigningParty;
  readonly provisioner: SigningParty;
  readonly rimRoot: SigningParty;
  readonly rimIssuer: SigningParty;
  readonly rimSigner: SigningParty;
  readonly gpu: (parts?: GpuParts) => Gpu;
  readonly rim: (parts: RimParts) => string;
  /** Driver and firmware RIM of `gpu()` as it is by default. */
  readonly rims: () => CollateralItem[];
  /** A good answer of the issuer itself, unless told otherwise. */
  readonly ocsp: (certificate: SigningParty, issuer: SigningParty, parts?: Partial<OcspParts>) => CollateralItem;
  /** Good answers for everything that must have one: the chain of each GPU and of the RIMs. */
  readonly answers: (...gpus: readonly Gpu[]) => CollateralItem[];
}

export function nvidiaAuthority(): NvidiaAuthority {
  const authority = (name: string, issuer: SigningParty | null): SigningParty =>
    certify({ name, issuer, authority: { pathLength: null }, ...always });
  const deviceRoot = authority('Fake Device Identity CA', null);
  const provisioner = authority('Fake GH100 Provisioner', deviceRoot);
  const rimRoot = authority('Fake CoRIM signing Root CA', null);
  const rimIssuer = authority('Fake Reference Value L3', rimRoot);
  const rimSigner = certify({ name: 'Fake RIM Signer', issuer: rimIssuer, ...always });
  const rim = (parts: RimParts): string =>
    rimFile({ signer: rimSigner, certificates: [rimSigner, rimIssuer, rimRoot], ...parts });
  const ocsp = (certificate: SigningParty, issuer: SigningParty, parts: Partial<OcspParts> = {}): CollateralItem => ({
    kind: 'ocsp-response',
    der: ocspResponse({ certificate, issuer, thisUpdate: ISSUED, nextUpdate: UNTIL, ...parts }),
  });
  return {
    roots: { ...VENDOR_ROOTS, 'nvidia-device': [deviceRoot.fingerprint], 'nvidia-rim': [rimRoot.fingerprint] },
    deviceRoot,
    provisioner,
    rimRoot,
    rimIssuer,
    rimSigner,
    gpu: (parts = {}) => makeGpu(parts, provisioner, deviceRoot),
    rim,
    rims: () => [
      { kind: 'rim', text: rim({ version: '600.01', active: golden(DRIVER_INDEXES) }) },
      { kind: 'rim', text: rim({ version: '96.00.AA.00.01', active: golden(VBIOS_INDEXES) }) },
    ],
    ocsp,
    answers: (...gpus) => [
      ...gpus.map(({ identity }) => ocsp(identity, provisioner)),
      ocsp(provisioner, deviceRoot),
      ocsp(rimSigner, rimIssuer),
      ocsp(rimIssuer, rimRoot),
    ],
  };
}

/** What a default GPU measures at an index. */
export const measured = (index: number): string => sha384(`measurement ${index}`);

const golden = (indexes: readonly number[]): Record<number, readonly string[]> =>
  Object.fromEntries(indexes.map((index) => [index, [sha384('another alternative'), measured(index)]]));

/** JSON as NVIDIA's tools write it. */
export const evidenceOf = (...gpus: readonly Gpu[]): Uint8Array =>
  Buffer.from(JSON.stringify(gpus.map(({ evidence }) => evidence)));

function makeGpu(parts: GpuParts, provisioner: SigningParty, root: SigningParty): Gpu {
  const chip = parts.chip ?? 'GH100 A01 GSP';
  const identity = certify({
    name: `${chip} BROM`,
    serialNumber: parts.serial ?? '41AABBCCDDEEFF0011',
    issuer: provisioner,
    authority: { pathLength: null },
    ...always,
    ...parts.identity,
  });
  const leaf = certify({
    name: `${chip} FMC LF`,
    issuer: identity,
    extensions: [fwidExtension(FWID)],
    ...always,
    ...parts.leaf,
  });
  const nonce = parts.nonce ?? createHash('sha256').update('nonce').digest();
  const report = makeReport(parts, nonce, parts.signWith ?? leaf);
  const chain = [leaf, identity, provisioner, root];
  const evidence = {
    arch: chip.startsWith('GB') ? 'BLACKWELL' : chip.startsWith('LS') ? 'LS10' : 'HOPPER',
    certificate: Buffer.from(chain.map(pem).join('')).toString('base64'),
    evidence: Buffer.from(report).toString('base64'),
    nonce: nonce.toString('hex'),
  };
  return { report, leaf, identity, chain, evidence };
}

/** TCG DICE CompositeDeviceID; the key in it is not looked at. */
export const fwidExtension = (fwid: string): { id: string; value: Uint8Array } => ({
  id: '2.23.133.5.4.1',
  value: sequence(
    integer(Buffer.of(1)),
    sequence(),
    sequence(oid('2.16.840.1.101.3.4.2.2'), octets(Buffer.from(fwid, 'hex'))),
  ),
});

const pem = ({ certificate }: SigningParty): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString('base64')}\n-----END CERTIFICATE-----\n`;

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** As the opaque data of Hopper with current firmware. */
const OPAQUE: Readonly<Record<number, Uint8Array>> = {
  6: Buffer.from('00aa009601000000', 'hex'),
  15: text('882'),
  17: text('1010'),
  18: text('0200'),
  3: text('600.01'),
  11: Buffer.of(0xaa),
  20: Buffer.from(FWID, 'hex'),
  21: Buffer.of(0x55),
  34: Buffer.of(1, 0),
  36: Buffer.of(0, 0),
};

function makeReport(
  { measured: values = {}, opaque = {}, blocks = BLOCKS }: GpuParts,
  nonce: Uint8Array,
  signer: SigningParty,
): Buffer {
  const record = Array.from({ length: blocks }, (_, index) => {
    const value = values[index] === undefined ? measured(index) : values[index];
    return value === null ? null : Buffer.concat([Buffer.of(index + 1, 1, 51, 0, 1, 48, 0), Buffer.from(value, 'hex')]);
  }).filter((block) => block !== null);
  const fields = Object.entries({ ...OPAQUE, ...opaque }).flatMap(([type, data]) =>
    data === null ? [] : [Buffer.of(Number(type), 0, data.length, 0), data],
  );
  const size = (bytes: number, value: number): Buffer => {
    const out = Buffer.alloc(bytes);
    out.writeUIntLE(value, 0, bytes);
    return out;
  };
  const body = Buffer.concat([
    Buffer.of(0x11, 0xe0, 0x01, 0xff),
    nonce,
    Buffer.of(0),
    Buffer.of(0x11, 0x60, 0, 0, record.length),
    size(
      3,
      record.reduce((sum, block) => sum + block.length, 0),
    ),
    ...record,
    createHash('sha256').update('device').digest(),
    size(
      2,
      fields.reduce((sum, field) => sum + field.length, 0),
    ),
    ...fields,
  ]);
  return Buffer.concat([body, sign('sha384', body, { key: signer.privateKey, dsaEncoding: 'ieee-p1363' })]);
}

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const C14N = 'http://www.w3.org/2006/12/xml-c14n11';
const NAMESPACES = `xmlns="${SWID}" xmlns:ns0="${SWID}" xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384"`;

/** Written in canonical form by hand, so that the digests here do not come from the code under test. */
function rimFile(
  parts: RimParts & { readonly signer: SigningParty; readonly certificates: readonly SigningParty[] },
): string {
  const {
    product = 'GH100',
    edition = 'GPU',
    version,
    active,
    document = same,
    signedInfo = same,
    after = same,
  } = parts;
  const resources = Array.from({ length: BLOCKS }, (_, index) => {
    const hashes = active[index] ?? ['00'.repeat(48)];
    const list = hashes.map((hash, number) => ` ns2:Hash${number}="${hash}"`).join('');
    const isActive = active[index] === undefined ? 'False' : 'True';
    return `\n<ns0:Resource active="${isActive}" alternatives="${hashes.length}" index="${index}" name="M_${index}" size="48" type="Measurement"${list}></ns0:Resource>`;
  });
  const meta = `<ns0:Meta colloquialVersion="${version}" edition="${edition}" product="${product}"></ns0:Meta>`;
  const open = `<SoftwareIdentity ${NAMESPACES} name="${product}" tagId="${sha384(version)}">\n<ns0:Entity name="Fake"></ns0:Entity>${meta}`;
  const payload = `<ns0:Payload>${resources.join('')}\n</ns0:Payload>\n`;
  const unsigned = document(`${open}${payload}</SoftwareIdentity>`);
  const digest = createHash('sha384').update(unsigned).digest('base64');
  const info = signedInfo(
    [
      `<ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>`,
      '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"></ds:SignatureMethod>',
      '<ds:Reference URI=""><ds:Transforms>',
      `<ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform>`,
      `<ds:Transform Algorithm="${C14N}"></ds:Transform>`,
      '</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#sha384"></ds:DigestMethod>',
      `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>`,
    ].join(''),
  );
  const apex = `<ds:SignedInfo xmlns="${SWID}" xmlns:ds="${DSIG}" ${NAMESPACES.slice(NAMESPACES.indexOf('xmlns:'))}>${info}</ds:SignedInfo>`;
  const value = sign('sha384', Buffer.from(apex), { key: parts.signer.privateKey, dsaEncoding: 'ieee-p1363' });
  const certificates = parts.certificates
    .map(({ certificate }) => `<ds:X509Certificate>${Buffer.from(certificate).toString('base64')}</ds:X509Certificate>`)
    .join('\n');
  const signature = `<ds:Signature xmlns:ds="${DSIG}"><ds:SignedInfo>${info}</ds:SignedInfo><ds:SignatureValue>${value.toString('base64')}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>${certificates}</ds:X509Data></ds:KeyInfo></ds:Signature>`;
  return after(unsigned.replace(/<\/SoftwareIdentity>$/, `${signature}</SoftwareIdentity>`));
}

const same = (xml: string): string => xml;
