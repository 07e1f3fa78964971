/** Intel's verdicts on a platform, best first as far as they can be ordered. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
  'NotSupported',
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** The statuses that no policy can accept. */
export const isRefusedStatus = (status: TcbStatus): boolean => status === 'Revoked' || status === 'NotSupported';

/** What stands in a level of TCB info; the others are only ever computed. */
const IN_LEVELS: readonly string[] = TCB_STATUSES.filter(
  (status) => !status.startsWith('TDRelaunch') && status !== 'NotSupported',
);

/** A status that we do not know is as good as none (Intel: `TCB_UNRECOGNIZED_STATUS`, refused). */
export const statusOf = (text: string): TcbStatus => (IN_LEVELS.includes(text) ? (text as TcbStatus) : 'NotSupported');

/** A matched level of a platform, a TDX module or a quoting enclave. */
export interface MatchedLevel {
  readonly status: TcbStatus;
  /** Milliseconds since 1970: no advisory published up to then is open, apart from those named. */
  readonly tcbDate: number;
  readonly advisoryIds: readonly string[];
}

/** The worse of a platform's status and that of its TDX module or quoting enclave (Intel QVL, converge…). */
export function converge(platform: TcbStatus, part: TcbStatus): TcbStatus {
  if (part === 'UpToDate' || part === 'Revoked' || part === 'NotSupported') {
    return part === 'UpToDate' || platform === 'NotSupported' ? platform : part;
  }
  if (platform === 'UpToDate' || platform === 'SWHardeningNeeded') return 'OutOfDate';
  if (platform === 'ConfigurationNeeded' || platform === 'ConfigurationAndSWHardeningNeeded') {
    return 'OutOfDateConfigurationNeeded';
  }
  return platform;
}
