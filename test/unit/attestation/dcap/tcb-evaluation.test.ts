import { describe, expect, it } from 'vitest';
import { sgx } from '../../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../../lib/attestation/tdx/tdx.ts';
import { converge, TCB_STATUSES, type TcbStatus } from '../../../../lib/attestation/dcap/tcb-status.ts';
import {
  intelAuthority,
  intelList,
  qeIdentity,
  sgxQuote,
  tcbInfo,
  tdxQuote,
  teeTcbSvn,
  type LevelParts,
  type SvnLevelParts,
  type TcbInfoParts,
  type TdParts,
} from '../../../authorities/intel-authority.ts';

const intel = intelAuthority();
const lists = [intelList(intel, intel.ca), intelList(intel, intel.root)];
const HAVE = intel.machine.components;

/** `components` with one of them changed by `by`. */
const bumped = (index: number, by = 1): number[] => HAVE.map((svn, at) => (at === index ? svn + by : svn));

const inputs = { at: intel.at.getTime(), roots: intel.roots, revocation: 'required' } as const;

function sgxStatus(
  levels: readonly LevelParts[],
  qe: readonly SvnLevelParts[] = [{ status: 'UpToDate', isvSvn: 8 }],
): string {
  const parsed = sgx.parse(sgxQuote(intel));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const collateral = [tcbInfo(intel, { levels }), qeIdentity(intel, { levels: qe }), ...lists];
  const { claims, checks } = sgx.authenticate(parsed.value, { ...inputs, collateral });
  return claims?.tcb?.status ?? checks.find(({ passed }) => !passed)?.got ?? '';
}

interface TdTrial {
  readonly body?: Partial<TdParts>;
  readonly info?: Partial<TcbInfoParts>;
  readonly qe?: readonly SvnLevelParts[];
  readonly tdReport?: '1.0' | '1.5';
}

function tdxStatus({
  body = {},
  info = {},
  qe = [{ status: 'UpToDate', isvSvn: 4 }],
  tdReport = '1.5',
}: TdTrial): string {
  const parsed = tdx.parse(tdxQuote(intel, body, { version: 5, tdReport }));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const collateral = [tcbInfo(intel, { tee: 'tdx', ...info }), qeIdentity(intel, { tee: 'tdx', levels: qe }), ...lists];
  const { claims, checks } = tdx.authenticate(parsed.value, { ...inputs, collateral });
  return claims?.tcb?.status ?? checks.find(({ passed }) => !passed)?.got ?? '';
}

describe('the level of an SGX platform', () => {
  it.each([
    ['equal to the first', [{ status: 'UpToDate' }, { status: 'OutOfDate', pceSvn: 1 }], 'UpToDate'],
    ['one component short', [{ status: 'UpToDate', sgx: bumped(15) }, { status: 'OutOfDate' }], 'OutOfDate'],
    ['PCE too old', [{ status: 'UpToDate', pceSvn: 14 }, { status: 'ConfigurationNeeded' }], 'ConfigurationNeeded'],
    [
      'the first that is reached counts, not the best',
      [{ status: 'OutOfDate' }, { status: 'UpToDate', pceSvn: 1 }],
      'OutOfDate',
    ],
    ['revoked', [{ status: 'Revoked' }], 'Revoked: as its parts were matched'],
    ['none', [{ status: 'UpToDate', sgx: bumped(0) }], 'NotSupported: no level of TCB info is reached'],
    ['no level at all', [], 'NotSupported: no level of TCB info is reached'],
    ['a status that nobody knows', [{ status: 'Splendid' }], 'NotSupported: as its parts were matched'],
    ['a status that only we may compute', [{ status: 'TDRelaunchAdvised' }], 'NotSupported: as its parts were matched'],
  ])('%s', (_, levels, status) => {
    expect(sgxStatus(levels)).toBe(status);
  });

  it.each(HAVE.map((_, index) => index))('component %i is compared', (index) => {
    expect(sgxStatus([{ status: 'UpToDate', sgx: bumped(index) }, { status: 'OutOfDate' }])).toBe('OutOfDate');
  });

  it('the quoting enclave: its first level that is reached, converged', () => {
    const level = [{ status: 'ConfigurationNeeded' }];
    expect(
      sgxStatus(level, [
        { status: 'UpToDate', isvSvn: 9 },
        { status: 'OutOfDate', isvSvn: 8 },
      ]),
    ).toBe('OutOfDateConfigurationNeeded');
    expect(sgxStatus(level, [{ status: 'Revoked', isvSvn: 1 }])).toMatch(/^Revoked/);
    expect(sgxStatus(level, [{ status: 'UpToDate', isvSvn: 9 }])).toMatch(/^NotSupported/);
  });
});

describe('converging', () => {
  const worse: Readonly<Record<string, string>> = {
    UpToDate: 'OutOfDate',
    SWHardeningNeeded: 'OutOfDate',
    ConfigurationNeeded: 'OutOfDateConfigurationNeeded',
    ConfigurationAndSWHardeningNeeded: 'OutOfDateConfigurationNeeded',
  };
  it.each(TCB_STATUSES)('%s with each status of a part', (status: TcbStatus) => {
    expect(converge(status, 'UpToDate')).toBe(status);
    expect(converge(status, 'OutOfDate')).toBe(worse[status] ?? status);
    expect(converge(status, 'Revoked')).toBe(status === 'NotSupported' ? 'NotSupported' : 'Revoked');
    expect(converge(status, 'NotSupported')).toBe('NotSupported');
  });
});

describe('the level of a TDX platform', () => {
  const zero = [...teeTcbSvn(0, 0, 0)];

  it('components 0 and 1 count only without a module identity', () => {
    const tdx = zero.with(0, 9).with(1, 9);
    expect(tdxStatus({ info: { levels: [{ status: 'UpToDate', tdx }] } })).toBe('UpToDate');
    const old = { body: { teeTcbSvn: teeTcbSvn(5, 0) } };
    expect(tdxStatus({ ...old, info: { levels: [{ status: 'UpToDate', tdx }] } })).toMatch(/^NotSupported/);
    expect(tdxStatus({ ...old, info: { levels: [{ status: 'UpToDate', tdx: zero.with(0, 5) }] } })).toBe('UpToDate');
  });

  it.each(Array.from({ length: 14 }, (_, index) => index + 2))('TDX component %i is compared', (index) => {
    const tdx = [...teeTcbSvn(6)];
    const levels = [{ status: 'UpToDate', tdx: tdx.with(index, (tdx[index] ?? 0) + 1) }, { status: 'OutOfDate' }];
    expect(tdxStatus({ info: { levels } })).toBe('OutOfDate');
  });

  it('a level counts only if SGX and TDX components are both reached', () => {
    const levels = [
      { status: 'UpToDate', sgx: bumped(3) },
      { status: 'SWHardeningNeeded', tdx: zero.with(2, 200) },
      { status: 'OutOfDate', sgx: bumped(3, -1), tdx: zero },
    ];
    expect(tdxStatus({ info: { levels } })).toBe('OutOfDate');
  });

  it.each([
    ['up to date', 6, 'UpToDate'],
    ['out of date', 5, 'OutOfDate'],
    ['older than any level', 1, 'NotSupported: as its parts were matched'],
  ])('a module that is %s', (_, svn, status) => {
    expect(tdxStatus({ body: { teeTcbSvn: teeTcbSvn(svn) }, tdReport: '1.0' })).toBe(status);
  });

  it('a module that Intel does not know, or did not sign, or that has attributes', () => {
    expect(tdxStatus({ body: { teeTcbSvn: teeTcbSvn(6, 3) } })).toMatch(/no TDX module of version 3/);
    expect(tdxStatus({ info: { modules: {} } })).toMatch(/no TDX module of version 1/);
    expect(tdxStatus({ body: { mrSignerSeam: Buffer.alloc(48, 1) } })).toMatch(/MRSIGNERSEAM/);
    expect(tdxStatus({ info: { moduleSigner: '01'.repeat(48) } })).toMatch(/MRSIGNERSEAM/);
    expect(tdxStatus({ body: { seamAttributes: Buffer.of(1, 0, 0, 0, 0, 0, 0, 0) } })).toMatch(/SEAMATTRIBUTES/);
  });

  it('a module of version 10 is found under TDX_0A', () => {
    const info = { modules: { 10: [{ status: 'UpToDate', isvSvn: 6 }] } };
    expect(tdxStatus({ body: { teeTcbSvn: teeTcbSvn(6, 10) }, info })).toBe('UpToDate');
  });

  it('a revoked module is refused', () => {
    expect(tdxStatus({ info: { modules: { 1: [{ status: 'Revoked', isvSvn: 1 }] } } })).toMatch(/^Revoked/);
  });
});

describe('relaunching', () => {
  const old = { teeTcbSvn: teeTcbSvn(5), teeTcbSvn2: teeTcbSvn(6) };

  it('is advised where the module was replaced after the launch', () => {
    expect(tdxStatus({ body: old })).toBe('TDRelaunchAdvised');
    expect(tdxStatus({ body: old, info: { levels: [{ status: 'ConfigurationNeeded' }] } })).toBe(
      'TDRelaunchAdvisedConfigurationNeeded',
    );
    expect(tdxStatus({ body: old, info: { levels: [{ status: 'SWHardeningNeeded' }] } })).toBe('TDRelaunchAdvised');
  });

  it.each([
    ['a quote of TD 1.0', { body: old, tdReport: '1.0' as const }],
    ['a module that runs and is not current either', { body: { ...old, teeTcbSvn2: teeTcbSvn(5) } }],
    ['an old SEAM loader', { body: { ...old, teeTcbSvn2: teeTcbSvn(6, 1, 1) } }],
    ['an old quoting enclave', { body: old, qe: [{ status: 'OutOfDate', isvSvn: 4 }] }],
    ['an old platform', { body: old, info: { levels: [{ status: 'OutOfDate' }] } }],
    [
      'a module that was not out of date',
      { body: { ...old, teeTcbSvn: teeTcbSvn(6) }, info: { levels: [{ status: 'OutOfDate' }] } },
    ],
  ])('is not advised for %s', (_, trial) => {
    expect(tdxStatus(trial)).toBe('OutOfDate');
  });

  it('onto a module that Intel does not know is not supported', () => {
    expect(tdxStatus({ body: { ...old, teeTcbSvn2: teeTcbSvn(6, 7) } })).toMatch(/^NotSupported/);
  });

  it('onto a module without an identity counts by component 0', () => {
    const levels = [{ status: 'UpToDate', tdx: [...teeTcbSvn(8, 0)] }];
    expect(tdxStatus({ body: { ...old, teeTcbSvn2: teeTcbSvn(8, 0) }, info: { levels } })).toBe('TDRelaunchAdvised');
    expect(tdxStatus({ body: { ...old, teeTcbSvn2: teeTcbSvn(7, 0) }, info: { levels } })).toBe('OutOfDate');
  });
});
