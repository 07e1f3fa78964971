import { createHash, sign, type KeyObject } from 'node:crypto';
import type { CollateralItem } from '../../lib/attestation/collateral/collateral.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import { element, octets, oid, sequence, truth } from '../../lib/wire/der.ts';
import { certify, newKeys, revocationList, type RevocationListParts, type SigningParty } from './x509-authority.ts';

const SGX_EXTENSION = '1.2.840.113741.1.13.1';
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const MONTH_MS = 30 * 24 * 60 * 60 * 1000;
const INTEL_VENDOR = '939a7233f79c4ca9940a0db3957f0607';

/** What the fake Intel certifies about the one machine that it has. */
export interface MachineParts {
  readonly fmspc: string;
  readonly pceId: string;
  readonly ppid: string;
  readonly platformInstanceId: string | null;
  /** 16 numbers; another count is written as it is. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly smt: boolean;
  readonly dynamicPlatform: boolean;
  readonly cachedKeys: boolean;
}

export interface AuthorityParts {
  /** The middle of every validity: certificates a year, collateral a month to each side. */
  readonly at: Date;
  readonly ca: 'Platform' | 'Processor';
  readonly machine: Partial<MachineParts>;
  readonly signerName: string;
}

const MACHINE: MachineParts = {
  fmspc: '00906ed50000',
  pceId: '0000',
  ppid: '0123456789abcdef0123456789abcdef',
  platformInstanceId: 'fedcba9876543210fedcba9876543210',
  components: [5, 5, 3, 3, 7, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
  pceSvn: 13,
  smt: true,
  dynamicPlatform: true,
  cachedKeys: false,
};

/** A fake Intel that really signs: root, PCK CA, TCB signer, one machine with its PCK and its quoting enclave's key. */
export interface IntelAuthority {
  readonly at: Date;
  readonly machine: MachineParts;
  readonly root: SigningParty;
  readonly ca: SigningParty;
  readonly tcbSigner: SigningParty;
  readonly pck: SigningParty;
  readonly attestationKey: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Pins this root for Intel and nothing else. */
  readonly roots: VendorRoots;
}

export function intelAuthority(parts: Partial<AuthorityParts> = {}): IntelAuthority {
  const at = parts.at ?? new Date('2026-06-01T00:00:00Z');
  const machine = { ...MACHINE, ...parts.machine };
  const party = { algorithm: 'p256-sha256', notBefore: shifted(at, -YEAR_MS), notAfter: shifted(at, YEAR_MS) } as const;
  const root = certify({ ...party, name: 'Intel SGX Root CA', issuer: null, authority: { pathLength: 1 } });
  const caName = `Intel SGX PCK ${parts.ca ?? 'Platform'} CA`;
  const ca = certify({ ...party, name: caName, issuer: root, authority: { pathLength: 0 } });
  const tcbSigner = certify({ ...party, name: parts.signerName ?? 'Intel SGX TCB Signing', issuer: root });
  const extensions = [{ id: SGX_EXTENSION, value: sgxExtension(machine) }];
  const pck = certify({ ...party, name: 'Intel SGX PCK Certificate', issuer: ca, extensions });
  const roots = { ...VENDOR_ROOTS, intel: [root.fingerprint] };
  return { at, machine, root, ca, tcbSigner, pck, attestationKey: newKeys('p256-sha256'), roots };
}

const shifted = (at: Date, milliseconds: number): Date => new Date(at.getTime() + milliseconds);
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex');

function sgxExtension(machine: MachineParts): Buffer {
  const item = (id: string, value: Uint8Array): Buffer => sequence(oid(`${SGX_EXTENSION}.${id}`), value);
  const number = (value: number): Buffer =>
    element(2, value > 0x7f ? Buffer.of(value >> 8, value & 0xff) : Buffer.of(value));
  const flag = (value: boolean): Buffer => (value ? truth() : element(1, Buffer.of(0)));
  const { components, platformInstanceId } = machine;
  return sequence(
    item('1', octets(hex(machine.ppid))),
    item(
      '2',
      sequence(
        ...components.map((svn, index) => item(`2.${index + 1}`, number(svn))),
        item('2.17', number(machine.pceSvn)),
        item('2.18', octets(Buffer.from(components))),
      ),
    ),
    item('3', octets(hex(machine.pceId))),
    item('4', octets(hex(machine.fmspc))),
    item('5', element(0x0a, Buffer.of(1))),
    ...(platformInstanceId === null
      ? []
      : [
          item('6', octets(hex(platformInstanceId))),
          item(
            '7',
            sequence(
              item('7.1', flag(machine.dynamicPlatform)),
              item('7.2', flag(machine.cachedKeys)),
              item('7.3', flag(machine.smt)),
            ),
          ),
        ]),
  );
}

/** Bytes at offsets of a report; each field has its place in Intel's layout. */
export interface EnclaveParts {
  readonly miscSelect: number;
  readonly attributes: Uint8Array;
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configId: Uint8Array;
  readonly configSvn: number;
  readonly isvFamilyId: Uint8Array;
  readonly isvExtProdId: Uint8Array;
  readonly reportData: Uint8Array;
}

/** Flags INIT and MODE64, XFRM x87 and SSE; bytes of `more` are set in the flags besides. */
export const sgxAttributes = (more = 0, xfrm = 3): Buffer =>
  Buffer.of(0x05 | more, 0, 0, 0, 0, 0, 0, 0, xfrm, 0, 0, 0, 0, 0, 0, 0);

export function enclaveReport(parts: Partial<EnclaveParts>): Buffer {
  const report = Buffer.alloc(384);
  report.writeUInt32LE(parts.miscSelect ?? 0, 16);
  report.set(parts.isvExtProdId ?? Buffer.alloc(16), 32);
  report.set(parts.attributes ?? sgxAttributes(), 48);
  report.set(parts.mrEnclave ?? Buffer.alloc(32, 0xe1), 64);
  report.set(parts.mrSigner ?? Buffer.alloc(32, 0x51), 128);
  report.set(parts.configId ?? Buffer.alloc(64), 192);
  report.writeUInt16LE(parts.isvProdId ?? 1, 256);
  report.writeUInt16LE(parts.isvSvn ?? 4, 258);
  report.writeUInt16LE(parts.configSvn ?? 0, 260);
  report.set(parts.isvFamilyId ?? Buffer.alloc(16), 304);
  report.set(parts.reportData ?? Buffer.alloc(64), 320);
  return report;
}

export interface TdParts {
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmr: readonly Uint8Array[];
  readonly reportData: Uint8Array;
  /** For TD 1.5, which quotes of version 5 are made with unless `tdReport` says 1.0. */
  readonly teeTcbSvn2: Uint8Array;
  readonly mrServiceTd: Uint8Array;
}

/** 16 numbers: the TDX module's security version, its major version, the SEAM loader's, zeros. */
export const teeTcbSvn = (module: number, version = 1, loader = 2): Buffer =>
  Buffer.of(module, version, loader, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

export function tdReport(parts: Partial<TdParts>, version: '1.0' | '1.5'): Buffer {
  const register = (bytes: Uint8Array | undefined): Uint8Array => bytes ?? Buffer.alloc(48);
  const launched = parts.teeTcbSvn ?? teeTcbSvn(6);
  return Buffer.concat([
    launched,
    parts.mrSeam ?? Buffer.alloc(48, 0x5e),
    register(parts.mrSignerSeam),
    parts.seamAttributes ?? Buffer.alloc(8),
    parts.tdAttributes ?? hex('0000001000000000'),
    parts.xfam ?? hex('e702060000000000'),
    parts.mrTd ?? Buffer.alloc(48, 0x7d),
    register(parts.mrConfigId),
    register(parts.mrOwner),
    register(parts.mrOwnerConfig),
    ...[0, 1, 2, 3].map((index) => register(parts.rtmr?.[index])),
    parts.reportData ?? Buffer.alloc(64),
    ...(version === '1.5' ? [parts.teeTcbSvn2 ?? launched, register(parts.mrServiceTd)] : []),
  ]);
}

/** Intel's quoting enclaves as the default QE identity knows them. */
const QE: Readonly<Record<'sgx' | 'tdx', Partial<EnclaveParts>>> = {
  sgx: { attributes: Buffer.of(0x11, ...Buffer.alloc(15)), mrSigner: Buffer.alloc(32, 0x8c), isvProdId: 1, isvSvn: 8 },
  tdx: { attributes: Buffer.of(0x11, ...Buffer.alloc(15)), mrSigner: Buffer.alloc(32, 0xdc), isvProdId: 2, isvSvn: 4 },
};

export interface QuoteParts {
  readonly version: 3 | 4 | 5;
  readonly tdReport: '1.0' | '1.5';
  readonly qe: Partial<EnclaveParts>;
  readonly qeVendorId: string;
  readonly authenticationData: Uint8Array;
  /** 5: the PCK chain is inside; another number: `certificationData` is. */
  readonly certificationType: number;
  readonly certificationData: Uint8Array;
  readonly trailing: Uint8Array;
  /** What the QE report vouches for, if not the attestation key: an attack. */
  readonly boundKey: Uint8Array;
  /** Who signs the QE report, if not the PCK: an attack. */
  readonly qeSigner: KeyObject;
}

export const sgxQuote = (
  authority: IntelAuthority,
  body: Partial<EnclaveParts> = {},
  parts: Partial<QuoteParts> = {},
): Uint8Array => quote(authority, 'sgx', enclaveReport(body), { version: 3, ...parts });

export function tdxQuote(
  authority: IntelAuthority,
  body: Partial<TdParts> = {},
  parts: Partial<QuoteParts> = {},
): Uint8Array {
  const version = parts.version ?? 4;
  return quote(authority, 'tdx', tdReport(body, parts.tdReport ?? (version === 5 ? '1.5' : '1.0')), {
    ...parts,
    version,
  });
}

function quote(
  authority: IntelAuthority,
  tee: 'sgx' | 'tdx',
  body: Buffer,
  parts: Partial<QuoteParts> & Pick<QuoteParts, 'version'>,
): Uint8Array {
  const { version, authenticationData = Buffer.alloc(32, 0xad), certificationType = 5 } = parts;
  const header = Buffer.alloc(48);
  header.writeUInt16LE(version, 0);
  header.writeUInt16LE(2, 2);
  header.writeUInt32LE(tee === 'sgx' ? 0 : 0x81, 4);
  header.set(hex(parts.qeVendorId ?? INTEL_VENDOR), 12);
  const type = tee === 'sgx' ? 1 : body.length === 584 ? 2 : 3;
  const signed = Buffer.concat([header, ...(version === 5 ? [u16(type), u32(body.length)] : []), body]);
  const { x = '', y = '' } = authority.attestationKey.publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const bound = createHash('sha256')
    .update(parts.boundKey ?? point)
    .update(authenticationData)
    .digest();
  const qeReport = enclaveReport({ reportData: Buffer.concat([bound, Buffer.alloc(32)]), ...QE[tee], ...parts.qe });
  const data = parts.certificationData ?? pem([authority.pck, authority.ca, authority.root]);
  const certification = Buffer.concat([
    qeReport,
    raw(qeReport, parts.qeSigner ?? authority.pck.privateKey),
    u16(authenticationData.length),
    authenticationData,
    u16(certificationType),
    u32(data.length),
    data,
  ]);
  const signature = Buffer.concat([
    raw(signed, authority.attestationKey.privateKey),
    point,
    ...(version === 3 ? [] : [u16(6), u32(certification.length)]),
    certification,
  ]);
  return new Uint8Array(Buffer.concat([signed, u32(signature.length), signature, parts.trailing ?? Buffer.alloc(0)]));
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const raw = (data: Uint8Array, key: KeyObject): Buffer => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });

export const pem = (parties: readonly Pick<SigningParty, 'certificate'>[]): Buffer =>
  Buffer.from(
    parties
      .map(({ certificate }) => {
        const lines =
          Buffer.from(certificate)
            .toString('base64')
            .match(/.{1,64}/g) ?? [];
        return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
      })
      .join(''),
  );

type Json = string | number | readonly Json[] | { readonly [name: string]: Json };

export interface LevelParts {
  readonly status: string;
  readonly sgx?: readonly number[];
  readonly tdx?: readonly number[];
  readonly pceSvn?: number;
  readonly date?: string;
  readonly advisories?: readonly string[];
}

export interface SvnLevelParts {
  readonly status: string;
  readonly isvSvn: number;
  readonly date?: string;
  readonly advisories?: readonly string[];
}

const DATE = '2026-05-13T00:00:00Z';
const shared = ({ status, date = DATE, advisories = [] }: LevelParts | SvnLevelParts): Record<string, Json> => ({
  tcbDate: date,
  tcbStatus: status,
  ...(advisories.length === 0 ? {} : { advisoryIDs: advisories }),
});
const svnLevel = (level: SvnLevelParts): Json => ({ tcb: { isvsvn: level.isvSvn }, ...shared(level) });

/** A member that every answer has, changed or left out (undefined). */
export type Overrides = Readonly<Record<string, Json | undefined>>;

export interface TcbInfoParts {
  readonly tee: 'sgx' | 'tdx';
  readonly levels: readonly LevelParts[];
  /** By version: `{ 1: [ … ] }` becomes TDX_01. */
  readonly modules: Readonly<Record<number, readonly SvnLevelParts[]>>;
  readonly moduleSigner: string;
  readonly overrides: Overrides;
  readonly signer: SigningParty;
}

const modulePart = (mrsigner: string): Record<string, Json> => ({
  mrsigner,
  attributes: '0000000000000000',
  attributesMask: 'FFFFFFFFFFFFFFFF',
});

export function tcbInfo(authority: IntelAuthority, parts: Partial<TcbInfoParts> = {}): CollateralItem {
  const {
    tee = 'sgx',
    modules = {
      1: [
        { status: 'UpToDate', isvSvn: 6 },
        { status: 'OutOfDate', isvSvn: 2 },
      ],
    },
  } = parts;
  const { machine } = authority;
  const tdx = tee === 'tdx';
  const components = (svns: readonly number[]): Json => svns.map((svn) => ({ svn }));
  const mrsigner = parts.moduleSigner ?? '00'.repeat(48);
  return answer(authority, 'intel-tcb-info', parts.signer, {
    id: tdx ? 'TDX' : 'SGX',
    version: 3,
    ...dates(authority),
    fmspc: machine.fmspc.toUpperCase(),
    pceId: machine.pceId,
    tcbType: 0,
    tcbEvaluationDataNumber: 20,
    ...(tdx
      ? {
          tdxModule: modulePart(mrsigner),
          tdxModuleIdentities: Object.entries(modules).map(([version, levels]) => ({
            id: `TDX_${Number(version).toString(16).padStart(2, '0')}`,
            ...modulePart(mrsigner),
            tcbLevels: levels.map(svnLevel),
          })),
        }
      : {}),
    tcbLevels: (parts.levels ?? [{ status: 'UpToDate' }]).map((level) => ({
      tcb: {
        sgxtcbcomponents: components(level.sgx ?? machine.components),
        pcesvn: level.pceSvn ?? machine.pceSvn,
        ...(tdx ? { tdxtcbcomponents: components(level.tdx ?? [...teeTcbSvn(6)]) } : {}),
      },
      ...shared(level),
    })),
    ...parts.overrides,
  });
}

export interface QeIdentityParts {
  readonly tee: 'sgx' | 'tdx';
  readonly levels: readonly SvnLevelParts[];
  readonly overrides: Overrides;
  readonly signer: SigningParty;
}

export function qeIdentity(authority: IntelAuthority, parts: Partial<QeIdentityParts> = {}): CollateralItem {
  const { tee = 'sgx' } = parts;
  const { isvProdId = 0, isvSvn = 0, mrSigner = Buffer.alloc(32) } = QE[tee];
  return answer(authority, 'intel-qe-identity', parts.signer, {
    id: tee === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    ...dates(authority),
    tcbEvaluationDataNumber: 20,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: Buffer.from(mrSigner).toString('hex'),
    isvprodid: isvProdId,
    tcbLevels: (parts.levels ?? [{ status: 'UpToDate', isvSvn }]).map(svnLevel),
    ...parts.overrides,
  });
}

const dates = ({ at }: IntelAuthority): Record<string, Json> => ({
  issueDate: `${shifted(at, -MONTH_MS).toISOString().slice(0, 19)}Z`,
  nextUpdate: `${shifted(at, MONTH_MS).toISOString().slice(0, 19)}Z`,
});

function answer(
  authority: IntelAuthority,
  kind: 'intel-tcb-info' | 'intel-qe-identity',
  signer: SigningParty = authority.tcbSigner,
  value: Overrides = {},
): CollateralItem {
  const text = JSON.stringify(value);
  const signature = raw(Buffer.from(text), signer.privateKey).toString('hex');
  const member = kind === 'intel-tcb-info' ? 'tcbInfo' : 'enclaveIdentity';
  const chain = [signer.certificate, authority.root.certificate];
  return { kind, text: `{"${member}":${text},"signature":"${signature}"}`, chain };
}

/** A list of the PCK authority or of the root, in date; serial numbers of `revoked` from `serialOf`. */
export const intelList = (
  { at }: IntelAuthority,
  issuer: SigningParty,
  parts: Partial<RevocationListParts> = {},
): CollateralItem => ({
  kind: 'revocation-list',
  der: revocationList({ issuer, thisUpdate: shifted(at, -MONTH_MS), nextUpdate: shifted(at, MONTH_MS), ...parts }),
});

/** Everything that a verdict on this authority's quotes needs. */
export function intelCollateral(authority: IntelAuthority, tee: 'sgx' | 'tdx'): CollateralItem[] {
  return [
    tcbInfo(authority, { tee }),
    qeIdentity(authority, { tee }),
    intelList(authority, authority.ca),
    intelList(authority, authority.root),
  ];
}
