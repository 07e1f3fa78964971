import { toHex } from '../../core/bytes.ts';
import type { EnclaveReport } from './enclave-report.ts';
import type { PckPlatform } from './pck-platform.ts';
import { maskedEqual, type QeIdentity } from './qe-identity.ts';
import { isTdReport } from './quote.ts';
import type { ModuleIdentity, ModuleMeasurement, SvnLevel, TcbInfo, TcbLevel } from './tcb-info.ts';
import { converge, type MatchedLevel, type TcbStatus } from './tcb-status.ts';
import type { TdReport } from './td-report.ts';

export interface TcbSubject {
  readonly platform: PckPlatform;
  readonly body: EnclaveReport | TdReport;
  readonly qeReport: EnclaveReport;
  readonly tcbInfo: TcbInfo;
  /** Null: not given; the status is then without it. */
  readonly qeIdentity: QeIdentity | null;
}

export interface TcbEvaluation {
  readonly status: TcbStatus;
  /** The level that each part reached; null: none, or no such part. */
  readonly platform: MatchedLevel | null;
  readonly tdxModule: MatchedLevel | null;
  readonly quotingEnclave: MatchedLevel | null;
  /** Why the TDX module is not one of Intel's; null: it is, or there is none. */
  readonly moduleFault: string | null;
}

/**
 * Intel's TCB algorithm (Intel SGX-TDX-DCAP-QuoteVerificationLibrary, steps 4.1.2.4.11, .15 and .17): the first level
 * that the platform reaches, the TDX module's own level, the quoting enclave's, the worst of them, and whether
 * relaunching the TD would help. TCB info must be for this FMSPC, PCEID and TEE.
 */
export function evaluateTcb({ platform, body, qeReport, tcbInfo, qeIdentity }: TcbSubject): TcbEvaluation {
  const reached = tcbInfo.levels.filter(
    (level) => covers(platform.components, level.sgxComponents) && platform.pceSvn >= level.pceSvn,
  );
  const quotingEnclave = qeIdentity === null ? null : levelOf(qeIdentity.levels, qeReport.isvSvn);
  const qeStatus = qeIdentity === null ? 'UpToDate' : (quotingEnclave?.status ?? 'NotSupported');
  if (!isTdReport(body)) {
    const level = reached[0] ?? null;
    const status = converge(level?.status ?? 'NotSupported', qeStatus);
    return { status, platform: level, tdxModule: null, quotingEnclave, moduleFault: null };
  }
  const level = reached.find(({ tdxComponents }) => coversTdx(body.teeTcbSvn, tdxComponents)) ?? null;
  const module = matchModule(body, tcbInfo);
  const parts = { platform: level, tdxModule: module.level, quotingEnclave, moduleFault: module.fault };
  if (level === null || module.fault !== null) return { ...parts, status: 'NotSupported' };
  const tdxStatus = converge(level.status, module.status);
  const relaunched = relaunch({
    body,
    tcbInfo,
    sgxStatus: reached[0]?.status ?? 'NotSupported',
    tdxStatus,
    moduleStatus: module.status,
    qeStatus,
  });
  return { ...parts, status: converge(relaunched, qeStatus) };
}

/** Every one of 16 components at least as new. */
const covers = (have: readonly number[] | Uint8Array, want: readonly number[], from = 0): boolean =>
  have.length === 16 && want.length === 16 && want.every((svn, index) => index < from || (have[index] ?? -1) >= svn);

/** Components 0 and 1 belong to the module, which has an identity of its own once its version is above 0. */
const coversTdx = (have: Uint8Array, want: readonly number[] | null): boolean =>
  want !== null && covers(have, want, (have[1] ?? 0) > 0 ? 2 : 0);

const levelOf = (levels: readonly SvnLevel[], isvSvn: number): SvnLevel | null =>
  levels.find((level) => isvSvn >= level.isvSvn) ?? null;

const identityOf = ({ moduleIdentities }: TcbInfo, version: number): ModuleIdentity | null =>
  moduleIdentities.find(({ id }) => id === `TDX_${version.toString(16).padStart(2, '0').toUpperCase()}`) ?? null;

interface ModuleMatch {
  readonly level: SvnLevel | null;
  readonly status: TcbStatus;
  readonly fault: string | null;
}

function matchModule(body: TdReport, tcbInfo: TcbInfo): ModuleMatch {
  const [isvSvn = 0, version = 0] = body.teeTcbSvn;
  const refuse = (fault: string): ModuleMatch => ({ level: null, status: 'NotSupported', fault });
  const identity = version > 0 ? identityOf(tcbInfo, version) : null;
  const expected: ModuleMeasurement | null = version > 0 ? identity : tcbInfo.tdxModule;
  if (expected === null) return refuse(`TCB info has no TDX module of version ${version}`);
  if (toHex(body.mrSignerSeam) !== expected.mrSigner) return refuse('MRSIGNERSEAM is not the one in TCB info');
  const zero = body.seamAttributes.every((byte) => byte === 0);
  if (!zero || !maskedEqual(body.seamAttributes, expected.attributesMask, expected.attributes)) {
    return refuse('SEAMATTRIBUTES are not those in TCB info');
  }
  if (identity === null) return { level: null, status: 'UpToDate', fault: null };
  const level = levelOf(identity.levels, isvSvn);
  return { level, status: level?.status ?? 'NotSupported', fault: null };
}

interface Relaunch {
  readonly body: TdReport;
  readonly tcbInfo: TcbInfo;
  readonly sgxStatus: TcbStatus;
  readonly tdxStatus: TcbStatus;
  readonly moduleStatus: TcbStatus;
  readonly qeStatus: TcbStatus;
}

const CURRENT: readonly TcbStatus[] = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
];
const needsConfiguration = (status: TcbStatus): boolean => status.includes('Configuration');

/** The TD was launched on an old module that has been replaced since: it only has to be started again (4.1.2.4.17.4.3). */
function relaunch({ body, tcbInfo, sgxStatus, tdxStatus, moduleStatus, qeStatus }: Relaunch): TcbStatus {
  const now = body.teeTcbSvn2;
  const [newest] = tcbInfo.levels;
  const eligible =
    qeStatus === 'UpToDate' &&
    CURRENT.includes(sgxStatus) &&
    (tdxStatus === 'OutOfDate' || tdxStatus === 'OutOfDateConfigurationNeeded') &&
    moduleStatus === 'OutOfDate';
  if (now === null || newest === undefined || !eligible) return tdxStatus;
  const least = newestModuleSvn(now[1] ?? 0, tcbInfo, newest);
  if (least === null) return 'NotSupported';
  const current = (now[0] ?? 0) >= least && (now[2] ?? 0) >= (newest.tdxComponents?.[2] ?? Infinity);
  if (!current) return tdxStatus;
  return needsConfiguration(sgxStatus) || needsConfiguration(tdxStatus)
    ? 'TDRelaunchAdvisedConfigurationNeeded'
    : 'TDRelaunchAdvised';
}

/** The module security version that counts as current; null: Intel knows no such module. */
function newestModuleSvn(version: number, tcbInfo: TcbInfo, newest: TcbLevel): number | null {
  if (version === 0) return newest.tdxComponents?.[0] ?? null;
  return identityOf(tcbInfo, version)?.levels[0]?.isvSvn ?? null;
}
