import { sign, type KeyObject } from 'node:crypto';
import type { CollateralItem } from '../../lib/attestation/collateral/collateral.ts';
import { CHIP_ID_BYTES, TCB_LAYOUT, titleOf, type Product } from '../../lib/attestation/sev-snp/product.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import { element, integer } from '../../lib/wire/der.ts';
import { certify, newKeys, revocationList, type ExtensionParts, type SigningParty } from './x509-authority.ts';

const notBefore = new Date('2026-01-01T00:00:00Z');
const notAfter = new Date('2032-12-31T00:00:00Z');
/** When everything made here is valid. */
export const AMD_AT = Date.parse('2026-06-01T00:00:00Z');

/** RSA takes long to make: the products share the keys of their authorities, not their names or certificates. */
const rsa = { ark: newKeys('rsa-pss-sha384'), ask: newKeys('rsa-pss-sha384'), asvk: newKeys('rsa-pss-sha384') };

export interface AmdAuthority {
  readonly product: Product;
  readonly ark: SigningParty;
  readonly ask: SigningParty;
  readonly asvk: SigningParty;
}

/** ARK, ASK and ASVK of one product, named as AMD names them. */
export function amdAuthority(product: Product): AmdAuthority {
  const title = titleOf(product);
  const algorithm = 'rsa-pss-sha384';
  const dates = { notBefore, notAfter };
  const ark = certify({
    name: `ARK-${title}`,
    algorithm,
    issuer: null,
    authority: { pathLength: null },
    keys: rsa.ark,
    ...dates,
  });
  const below = (name: string, keys: typeof rsa.ask): SigningParty =>
    certify({ name, algorithm, issuer: ark, authority: { pathLength: 0 }, keys, ...dates });
  return { product, ark, ask: below(`SEV-${title}`, rsa.ask), asvk: below(`SEV-VLEK-${title}`, rsa.asvk) };
}

/** The vendor roots with these products' ARKs in place of AMD's. */
export const rootsOf = (...authorities: readonly AmdAuthority[]): VendorRoots => ({
  ...VENDOR_ROOTS,
  ...Object.fromEntries(authorities.map(({ product, ark }) => [`amd-${product}`, [ark.fingerprint]])),
});

export const collateralOf = (...parties: readonly SigningParty[]): CollateralItem[] =>
  parties.map(({ certificate }) => ({ kind: 'certificate', der: certificate }));

/** A list that the ARK signs, in date at AMD_AT. */
export const amdList = (
  issuer: SigningParty,
  revoked: readonly string[] = [],
  until = '2026-07-01',
): CollateralItem => ({
  kind: 'revocation-list',
  der: revocationList({
    issuer,
    thisUpdate: new Date('2026-05-20T00:00:00Z'),
    nextUpdate: new Date(`${until}T00:00:00Z`),
    revoked,
  }),
});

export interface ChipKeyParts {
  readonly authority: AmdAuthority;
  readonly kind?: 'VCEK' | 'VLEK';
  /** TCB_VERSION that the certificate repeats, 8 bytes in the order of the file. */
  readonly tcb?: Uint8Array;
  readonly hardwareId?: Uint8Array;
  readonly productName?: string;
  /** Last arcs of extensions that are left out. */
  readonly without?: readonly string[];
  /** Values of extensions in place of the right ones, DER, by last arcs. */
  readonly instead?: Readonly<Record<string, Uint8Array>>;
  readonly issuer?: SigningParty;
}

const ARC = '1.3.6.1.4.1.3704.1';
const ia5 = (text: string): Buffer => element(0x16, Buffer.from(text, 'latin1'));
const small = (value: number): Buffer => integer(value < 128 ? Buffer.of(value) : Buffer.of(0, value));

/** A VCEK or VLEK with the extensions of KDS certificates. */
export function chipKey({
  authority,
  kind = 'VCEK',
  tcb = TCB,
  hardwareId = chipIdOf(authority.product),
  productName = titleOf(authority.product),
  without = [],
  instead = {},
  issuer = kind === 'VCEK' ? authority.ask : authority.asvk,
}: ChipKeyParts): SigningParty {
  const extensions: (readonly [arcs: string, value: Uint8Array])[] = [
    ['1', small(authority.product === 'turin' ? 1 : 0)],
    ['2', ia5(productName)],
    ...TCB_LAYOUT[authority.product].map(({ extension }, index) => [extension, small(tcb[index] ?? 0)] as const),
    kind === 'VCEK' ? ['4', hardwareId] : ['5', ia5('CN=cloud.example')],
  ];
  return certify({
    name: `SEV-${kind}`,
    algorithm: 'p384-sha384',
    issuer,
    notBefore,
    notAfter,
    keyUsage: null,
    serial: Buffer.of(0),
    extensions: extensions
      .filter(([arcs]) => !without.includes(arcs))
      .map(([arcs, value]): ExtensionParts => ({ id: `${ARC}.${arcs}`, value: instead[arcs] ?? value })),
  });
}

/** A TCB_VERSION that is possible in both layouts. */
export const TCB = new Uint8Array([3, 2, 0, 0, 0, 0, 8, 115]);
export const TURIN_TCB = new Uint8Array([1, 2, 3, 4, 0, 0, 0, 81]);

export const chipIdOf = (product: Product): Uint8Array => new Uint8Array(CHIP_ID_BYTES[product]).fill(0xc5);

const CPU: Readonly<Record<Product, readonly [number, number, number]>> = {
  milan: [0x19, 0x01, 1],
  genoa: [0x19, 0x11, 1],
  turin: [0x1a, 0x02, 1],
};

export interface ReportParts {
  readonly version?: number;
  readonly product?: Product;
  /** Family, model, stepping; versions 3 and later. */
  readonly cpu?: readonly [number, number, number];
  readonly guestSvn?: number;
  readonly policy?: bigint;
  readonly vmpl?: number;
  readonly platformInfo?: bigint;
  /** 0 VCEK, 1 VLEK, 7 none. */
  readonly signingKey?: number;
  readonly maskChipKey?: boolean;
  readonly authorKey?: boolean;
  readonly reportData?: Uint8Array;
  readonly reportIdMa?: Uint8Array;
  readonly chipId?: Uint8Array;
  /** All four states, unless given on their own. */
  readonly tcb?: Uint8Array;
  readonly current?: Uint8Array;
  readonly committed?: Uint8Array;
  readonly reported?: Uint8Array;
  readonly launch?: Uint8Array;
  /** Build, minor, major. */
  readonly currentVersion?: readonly [number, number, number];
  readonly committedVersion?: readonly [number, number, number];
  readonly mitigations?: readonly [launch: bigint, current: bigint];
  /** Last word on the bytes before they are signed. */
  readonly alter?: (bytes: Buffer) => void;
}

/** Filled fields of a report, for policies that name them. */
export const REPORT = {
  measurement: '5e'.repeat(48),
  hostData: '40'.repeat(32),
  familyId: '0f'.repeat(16),
  imageId: '1a'.repeat(16),
  idKey: '1d'.repeat(48),
  authorKey: 'a0'.repeat(48),
  agent: 'ff'.repeat(32),
} as const;

/** A report that really is signed (SEV-SNP ABI 56860, ATTESTATION_REPORT). */
export function snpReport(key: Pick<SigningParty, 'privateKey'>, parts: ReportParts = {}): Uint8Array {
  const { version = 5, product = 'genoa', tcb = TCB, guestSvn = 3, vmpl = 0, signingKey = 0 } = parts;
  const bytes = Buffer.alloc(0x4a0);
  bytes.writeUInt32LE(version, 0);
  bytes.writeUInt32LE(guestSvn, 4);
  bytes.writeBigUInt64LE(parts.policy ?? 0x30000n, 8);
  bytes.write(REPORT.familyId, 0x10, 'hex');
  bytes.write(REPORT.imageId, 0x20, 'hex');
  bytes.writeUInt32LE(vmpl, 0x30);
  bytes.writeUInt32LE(1, 0x34);
  bytes.set(parts.current ?? tcb, 0x38);
  bytes.writeBigUInt64LE(parts.platformInfo ?? 0x25n, 0x40);
  bytes.writeUInt32LE(
    (signingKey << 2) | (parts.maskChipKey === true ? 2 : 0) | (parts.authorKey === false ? 0 : 1),
    0x48,
  );
  bytes.set(parts.reportData ?? new Uint8Array(64).fill(0xda), 0x50);
  bytes.write(REPORT.measurement, 0x90, 'hex');
  bytes.write(REPORT.hostData, 0xc0, 'hex');
  bytes.write(REPORT.idKey, 0xe0, 'hex');
  bytes.write(REPORT.authorKey, 0x110, 'hex');
  bytes.fill(0x77, 0x140, 0x160);
  bytes.set(parts.reportIdMa ?? Buffer.from(REPORT.agent, 'hex'), 0x160);
  bytes.set(parts.reported ?? tcb, 0x180);
  if (version >= 3) bytes.set(parts.cpu ?? CPU[product], 0x188);
  bytes.set(parts.chipId ?? chipIdOf(product), 0x1a0);
  bytes.set(parts.committed ?? tcb, 0x1e0);
  bytes.set(parts.currentVersion ?? [40, 55, 1], 0x1e8);
  bytes.set(parts.committedVersion ?? [40, 55, 1], 0x1ec);
  bytes.set(parts.launch ?? tcb, 0x1f0);
  if (version >= 5) {
    bytes.writeBigUInt64LE(parts.mitigations?.[0] ?? 0b1011n, 0x1f8);
    bytes.writeBigUInt64LE(parts.mitigations?.[1] ?? 0b1011n, 0x200);
  }
  parts.alter?.(bytes);
  const signature = signReport(bytes.subarray(0, 0x2a0), key.privateKey);
  bytes.set(signature.subarray(0, 48).toReversed(), 0x2a0);
  bytes.set(signature.subarray(48).toReversed(), 0x2e8);
  return new Uint8Array(bytes);
}

const signReport = (signed: Uint8Array, key: KeyObject): Buffer =>
  sign('sha384', signed, { key, dsaEncoding: 'ieee-p1363' });

/** The table of a host (GHCB specification 56421), with entries `[GUID in hexadecimal, content]`. */
export function certificateTable(entries: readonly (readonly [guid: string, content: Uint8Array])[]): Uint8Array {
  const headerBytes = 24 * (entries.length + 1);
  const header = Buffer.alloc(headerBytes);
  let offset = headerBytes;
  entries.forEach(([guid, content], index) => {
    header.write(guid, 24 * index, 'hex');
    header.writeUInt32LE(offset, 24 * index + 16);
    header.writeUInt32LE(content.length, 24 * index + 20);
    offset += content.length;
  });
  return new Uint8Array(Buffer.concat([header, ...entries.map(([, content]) => content)]));
}

export const TABLE_GUID = {
  VCEK: '63da758de6644564adc5f4b93be8accd',
  VLEK: 'a8074bc2a25a483eaae639c045a0b8a1',
  ASK: '4ab7b379bbac4fe4a02f05aef327c782',
  ARK: 'c0b406a4a803495297433fb6014cd0ae',
  CRL: '92f81bc358114d3d97ffd19f88dc67ea',
} as const;
