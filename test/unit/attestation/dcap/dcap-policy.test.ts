import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { EvidenceClaims } from '../../../../lib/attestation/evidence-claims.ts';
import type { PlatformModule } from '../../../../lib/attestation/platform-module.ts';
import { fallbackOf, readSection, type PolicyKey } from '../../../../lib/attestation/policy/policy-section.ts';
import { sgx } from '../../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../../lib/attestation/tdx/tdx.ts';
import {
  intelAuthority,
  intelCollateral,
  intelList,
  qeIdentity,
  sgxAttributes,
  sgxQuote,
  tcbInfo,
  tdxQuote,
  type TdParts,
} from '../../../authorities/intel-authority.ts';

const intel = intelAuthority();
const AT = intel.at.getTime();
const lists = [intelList(intel, intel.ca), intelList(intel, intel.root)];
const hardening = [
  tcbInfo(intel, { levels: [{ status: 'SWHardeningNeeded', advisories: ['INTEL-SA-00615', 'INTEL-SA-00828'] }] }),
  qeIdentity(intel),
  ...lists,
];

type Keys = Readonly<Record<string, PolicyKey<unknown>>>;

/** The failing checks of `quote` under `policy`, in short; the claims must be there. */
function judge<P, C extends EvidenceClaims, K extends Keys>(
  module: PlatformModule<P, C, K>,
  quote: Uint8Array,
  policy: unknown = {},
  collateral = intelCollateral(intel, module.format === 'sgx' ? 'sgx' : 'tdx'),
  revocation: 'required' | 'accept-absent' = 'required',
): string {
  const parsed = module.parse(quote);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const { claims } = module.authenticate(parsed.value, { at: AT, roots: intel.roots, collateral, revocation });
  const read = readSection(module.policy, policy);
  if (claims === null || !read.ok) throw new Error(read.ok ? 'not authentic' : read.error.join('; '));
  const failed = module.appraise(claims, read.value, AT).filter(({ passed }) => !passed);
  return failed.map(({ code, name }) => `${code} ${name}`).join('; ');
}

const TCB = 'E-ATTEST-TCB';
const MEASURED = 'E-ATTEST-MEASUREMENT';
const POLICY = 'E-ATTEST-POLICY';
const INSTANCE = 'E-ATTEST-INSTANCE';
const SVN = 'E-ATTEST-SVN';

describe('the sections', () => {
  it('read the example of every key', () => {
    for (const { keys } of [sgx.policy, tdx.policy]) {
      for (const [name, { example, read }] of Object.entries(keys)) {
        expect(read(parse(example)), name).toMatchObject({ ok: true });
      }
    }
  });

  it('fall back to what they say', () => {
    expect(readSection(sgx.policy, {})).toEqual({ ok: true, value: fallbackOf(sgx.policy) });
    expect(readSection(tdx.policy, {})).toEqual({ ok: true, value: fallbackOf(tdx.policy) });
  });
});

describe('SGX', () => {
  const body = {
    configId: Buffer.alloc(64, 0xc0),
    configSvn: 2,
    isvFamilyId: Buffer.alloc(16, 0xfa),
    isvExtProdId: Buffer.alloc(16, 0xe0),
    isvSvn: 4,
    isvProdId: 7,
  };
  const quote = sgxQuote(intel, body);

  it.each([
    ['mrEnclaves', ['E1'.repeat(32)], ['e2'.repeat(32)], `${MEASURED} MRENCLAVE`],
    ['mrSigners', ['51'.repeat(32)], ['52'.repeat(32)], `${MEASURED} MRSIGNER`],
    ['isvProdIds', [6, 7], [8], `${POLICY} ISVPRODID`],
    ['minIsvSvn', 4, 5, `${SVN} ISVSVN`],
    ['configIds', ['c0'.repeat(64)], ['c1'.repeat(64)], `${POLICY} CONFIGID`],
    ['minConfigSvn', 2, 3, `${SVN} CONFIGSVN`],
    ['isvFamilyIds', ['fa'.repeat(16)], ['fb'.repeat(16)], `${POLICY} ISVFAMILYID`],
    ['isvExtProdIds', ['e0'.repeat(16)], ['e1'.repeat(16)], `${POLICY} ISVEXTPRODID`],
    ['requiredXfrmBits', [0, 1], [0, 1, 2], `${POLICY} XFRM`],
    ['fmspcs', [intel.machine.fmspc], ['000000000000'], `${INSTANCE} FMSPC`],
    ['instances', [intel.machine.ppid], ['00'.repeat(16)], `${INSTANCE} machine`],
    ['instances', [intel.machine.platformInstanceId], ['11'.repeat(16)], `${INSTANCE} machine`],
    ['allowSmt', true, false, `${POLICY} hyper-threading`],
    ['allowDynamicPlatform', true, false, `${POLICY} dynamic platform`],
    ['minTcbEvaluationDataNumber', 20, 21, `${TCB} TCB evaluation data number`],
    ['minTcbDate', '2026-05-13', '2026-05-14', `${TCB} TCB date`],
    ['maxCollateralAgeDays', 30, 29, `${TCB} age of the collateral`],
  ])('%s: %j passes, %j does not', (key, good, bad, fault) => {
    expect(judge(sgx, quote, { [key]: good })).toBe('');
    expect(judge(sgx, quote, { [key]: bad })).toBe(fault);
  });

  it('keys that are off by the certificate pass where they are not allowed', () => {
    expect(judge(sgx, quote, { allowCachedKeys: false })).toBe('');
    const silent = intelAuthority({ ca: 'Processor', machine: { platformInstanceId: null }, at: intel.at });
    const parsed = sgx.parse(sgxQuote(silent));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const inputs = {
      at: AT,
      roots: silent.roots,
      collateral: intelCollateral(silent, 'sgx'),
      revocation: 'required',
    } as const;
    const { claims } = sgx.authenticate(parsed.value, inputs);
    if (claims === null) throw new Error('not authentic');
    const policy = { ...fallbackOf(sgx.policy), allowCachedKeys: false };
    expect(sgx.appraise(claims, policy, AT).filter(({ passed }) => !passed)).toMatchObject([
      { name: 'cached keys', got: 'not said' },
    ]);
  });

  it('an enclave that was never initialised, or may derive keys of the platform', () => {
    const off = sgxAttributes();
    off[0] = 0x04;
    expect(judge(sgx, sgxQuote(intel, { attributes: off }))).toBe(`${POLICY} INIT`);
    const provision = sgxQuote(intel, { attributes: sgxAttributes(0x10) });
    expect(judge(sgx, provision)).toBe(`${POLICY} PROVISION_KEY`);
    expect(judge(sgx, provision, { allowProvisionKey: true })).toBe('');
    const launch = sgxQuote(intel, { attributes: sgxAttributes(0x20) });
    expect(judge(sgx, launch)).toBe(`${POLICY} EINITTOKEN_KEY`);
    expect(judge(sgx, launch, { allowEinittokenKey: true })).toBe('');
  });

  it('a status needs to be allowed, and each advisory until a day that has not passed', () => {
    const tcbStatuses = ['UpToDate', 'SWHardeningNeeded'];
    const first = { id: 'INTEL-SA-00615', until: '2027-01-31' };
    const second = { id: 'INTEL-SA-00828', until: '2026-06-01' };
    expect(judge(sgx, quote, {}, hardening)).toBe(`${TCB} TCB status; ${TCB} advisories`);
    expect(judge(sgx, quote, { tcbStatuses }, hardening)).toBe(`${TCB} advisories`);
    expect(judge(sgx, quote, { tcbStatuses, advisories: [first] }, hardening)).toBe(`${TCB} advisories`);
    expect(judge(sgx, quote, { tcbStatuses, advisories: [first, second] }, hardening)).toBe('');
    expect(judge(sgx, quote, { tcbStatuses, advisories: [first, { ...second, until: '2026-05-31' }] }, hardening)).toBe(
      `${TCB} advisories`,
    );
    expect(judge(sgx, quote, { advisories: [first, second] }, hardening)).toBe(`${TCB} TCB status`);
  });

  it('without TCB info the status is missing, not accepted', () => {
    expect(judge(sgx, quote, {}, lists, 'accept-absent')).toBe('E-ATTEST-COLLATERAL TCB status');
  });

  it.each([
    [{ tcbStatuses: ['Revoked'] }, 'tcbStatuses'],
    [{ tcbStatuses: [] }, 'tcbStatuses'],
    [{ advisories: ['INTEL-SA-00615'] }, 'advisories'],
    [{ advisories: [{ id: 'INTEL-SA-00615' }] }, 'advisories'],
    [{ advisories: [{ id: 'INTEL-SA-00615', until: '2027-02-30x' }] }, 'advisories'],
    [{ advisories: [{ id: 'INTEL-SA-00615', until: '2027-02-28', why: '' }] }, 'advisories'],
    [{ minTcbDate: '13.5.2026' }, 'minTcbDate'],
    [{ mrEnclaves: ['e1'] }, 'mrEnclaves'],
    [{ mrenclave: ['e1'] }, 'mrenclave'],
  ])('refuses the policy %j', (policy, key) => {
    const read = readSection(sgx.policy, policy);
    expect(read.ok ? [] : read.error).toEqual([expect.stringMatching(new RegExp(`^sgx\\.${key}: `))]);
  });
});

describe('TDX', () => {
  const register = (byte: number): Buffer => Buffer.alloc(48, byte);
  const body: Partial<TdParts> = {
    rtmr: [register(1), register(2), register(3), register(4)],
    mrConfigId: register(5),
    mrOwner: register(6),
    mrOwnerConfig: register(7),
    mrServiceTd: register(8),
  };
  const quote = (parts: Partial<TdParts> = {}): Uint8Array => tdxQuote(intel, parts, { version: 5 });
  const hex = (byte: string): string[] => [byte.repeat(48)];

  it.each([
    ['rtmr0', hex('01'), 'RTMR0'],
    ['rtmr1', hex('02'), 'RTMR1'],
    ['rtmr2', hex('03'), 'RTMR2'],
    ['rtmr3', hex('04'), 'RTMR3'],
  ])('%s names a part of a program together with the firmware', (key, good, name) => {
    const named = { mrServiceTds: hex('08'), mrTds: hex('7d') };
    expect(judge(tdx, quote(body), { ...named, [key]: good })).toBe('');
    expect(judge(tdx, quote(body), { ...named, [key]: hex('ee') })).toBe(`${MEASURED} ${name}`);
    expect(judge(tdx, quote(body), { ...named, mrTds: hex('ee') })).toBe(`${MEASURED} MRTD`);
  });

  it.each([
    ['rtmr0', hex('01'), 'RTMR0'],
    ['rtmr3', hex('04'), 'RTMR3'],
    ['mrSeams', hex('5e'), 'MRSEAM'],
    ['mrConfigIds', hex('05'), 'MRCONFIGID'],
    ['mrOwners', hex('06'), 'MROWNER'],
    ['mrOwnerConfigs', hex('07'), 'MROWNERCONFIG'],
  ])('%s alone names no program', (key, good, name) => {
    const mrServiceTds = hex('08');
    expect(judge(tdx, quote(body), { mrServiceTds, [key]: good })).toBe('');
    expect(judge(tdx, quote(body), { mrServiceTds, [key]: hex('ee') })).toBe(`${POLICY} ${name}`);
  });

  it('a service machine must be named, unless there is none or the quote cannot show one', () => {
    expect(judge(tdx, quote(body))).toBe(`${POLICY} MRSERVICETD`);
    expect(judge(tdx, quote())).toBe('');
    expect(judge(tdx, tdxQuote(intel), { mrServiceTds: hex('08') })).toBe('');
  });

  const attributes = (digits: string): Uint8Array => quote({ tdAttributes: Buffer.from(digits, 'hex') });

  it.each([
    ['0000000000000000', 'SEPT_VE_DISABLE', { requireSeptVeDisable: false }],
    ['0000003000000000', 'MIGRATABLE', { allowMigratable: true }],
    ['0000001000000080', 'PERFMON', { allowPerfmon: true }],
    ['0000009000000000', 'KEY_LOCKER', { allowKeyLocker: true }],
  ])('attributes %s: %s', (digits, name, policy) => {
    expect(judge(tdx, attributes(digits))).toBe(`${POLICY} ${name}`);
    expect(judge(tdx, attributes(digits), policy)).toBe('');
  });

  it('reserved attributes and impossible features have no switch', () => {
    expect(judge(tdx, attributes('0200001000000000'))).toBe(`${POLICY} reserved TD attributes`);
    expect(judge(tdx, attributes('0000001001000000'))).toBe(`${POLICY} reserved TD attributes`);
    expect(judge(tdx, quote({ xfam: Buffer.from('e602060000000000', 'hex') }))).toBe(`${POLICY} XFAM`);
    expect(judge(tdx, quote({ xfam: Buffer.from('e702060000000080', 'hex') }))).toBe(`${POLICY} XFAM`);
  });

  it('debugging is left to the caller', () => {
    expect(judge(tdx, attributes('0100001000000000'))).toBe('');
  });
});
