import { err, ok, type Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import { missingCheck } from '../authentication.ts';
import {
  choices,
  flag,
  hexStrings,
  list,
  wholeNumber,
  type PolicyKey,
  type SectionValues,
} from '../policy/policy-section.ts';
import type { DcapClaims, TcbClaims } from './dcap-claims.ts';
import { isRefusedStatus, TCB_STATUSES } from './tcb-status.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** An advisory that the policy accepts for a while. */
export interface AcceptedAdvisory {
  /** `INTEL-SA-00615`. */
  readonly id: string;
  /** Milliseconds since 1970: the end of that day, UTC. */
  readonly until: number;
}

const advisories: PolicyKey<readonly AcceptedAdvisory[]> = {
  about:
    "Intel's advisories that may be open on the machine, each until a date: after that day it is refused again, so that an exception is looked at anew. Advisories that are not listed are refused, whatever the status.",
  accepts: 'a list of { id, until: YYYY-MM-DD }',
  fallback: [],
  otherwise: 'none',
  example: '[{ id: INTEL-SA-00615, until: 2027-01-31 }]',
  read: list((item) => {
    if (typeof item !== 'object' || item === null) return err('not { id, until }');
    const { id, until, ...others } = item as Readonly<Record<string, unknown>>;
    if (typeof id !== 'string' || !/^[A-Z0-9-]{1,64}$/.test(id)) return err('id is no advisory');
    if (Object.keys(others).length > 0) return err(`no such key: ${Object.keys(others).join(', ')}`);
    const day = dayOf(until);
    return day.ok ? ok({ id, until: day.value + DAY_MS - 1 }) : day;
  }),
};

const minTcbDate: PolicyKey<number | null> = {
  about: 'The matched TCB levels (platform, TDX module, quoting enclave) must all be of this day or later.',
  accepts: 'a day as YYYY-MM-DD',
  fallback: null,
  otherwise: 'any',
  example: '2024-11-13',
  read: dayOf,
};

/** Midnight UTC at the start of the day. YAML reads an unquoted day as a Date in some schemas. */
function dayOf(value: unknown): Result<number, string> {
  const text = value instanceof Date ? value.toISOString().slice(0, 10) : value;
  const time = typeof text === 'string' && DATE.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return Number.isNaN(time) ? err('not a day as YYYY-MM-DD') : ok(time);
}

/** Keys of both sections, `sgx` and `tdx`. */
export const DCAP_KEYS = {
  tcbStatuses: choices(
    TCB_STATUSES.filter((status) => !isRefusedStatus(status)),
    {
      about:
        "Intel's verdicts on microcode, firmware, TDX module and quoting enclave that are accepted. Revoked and NotSupported never are. SWHardeningNeeded also needs its advisories in `advisories`.",
      fallback: ['UpToDate'],
      otherwise: 'UpToDate',
      example: '[UpToDate, SWHardeningNeeded]',
    },
  ),
  advisories,
  minTcbEvaluationDataNumber: wholeNumber(0, 0xffff_ffff, {
    about:
      "The least TCB evaluation data number of TCB info and QE identity: collateral from before this of Intel's TCB recoveries is refused, although Intel still signs it for a year.",
    fallback: 0,
    otherwise: '0',
    example: '18',
  }),
  minTcbDate,
  maxCollateralAgeDays: wholeNumber<number | null>(1, 3650, {
    about: 'TCB info and QE identity must have been issued at most so many days ago, even if still valid.',
    fallback: null,
    otherwise: 'as long as valid',
    example: '14',
  }),
  fmspcs: hexStrings(6, {
    about: 'The processor families (FMSPC) that are allowed.',
    fallback: null,
    otherwise: 'any',
    example: '[b0c06f000000]',
  }),
  instances: hexStrings(16, {
    about: 'The machines that are allowed, by PPID or by platform instance id.',
    fallback: null,
    otherwise: 'any',
    example: '[caedec04d9afd957c2df2db0fc34836f]',
  }),
  allowSmt: flag({
    about:
      'Whether hyper-threading may be on, by the PCK certificate; if not, a certificate that does not say is refused.',
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
  allowDynamicPlatform: flag({
    about: 'Whether processor packages may be added to the platform, by the PCK certificate.',
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
  allowCachedKeys: flag({
    about: "Whether Intel's registration service keeps the platform's root keys, by the PCK certificate.",
    fallback: true,
    otherwise: 'true',
    example: 'false',
  }),
};

/** Security versions and machine, against the keys that both sections have. */
export function appraiseDcap(
  { tcb, platform }: DcapClaims,
  policy: SectionValues<typeof DCAP_KEYS>,
  at: number,
): Check[] {
  return [
    ...(tcb === null
      ? [missingCheck('TCB status', 'TCB info, without which it is unknown')]
      : appraiseTcb(tcb, policy, at)),
    ...oneOf('FMSPC', 'E-ATTEST-INSTANCE', platform === null ? [] : [platform.fmspc], policy.fmspcs),
    ...oneOf('machine', 'E-ATTEST-INSTANCE', instancesOf(platform), policy.instances),
    ...unlessAllowed('hyper-threading', policy.allowSmt, platform?.smt ?? null),
    ...unlessAllowed('dynamic platform', policy.allowDynamicPlatform, platform?.dynamicPlatform ?? null),
    ...unlessAllowed('cached keys', policy.allowCachedKeys, platform?.cachedKeys ?? null),
  ];
}

function appraiseTcb(tcb: TcbClaims, policy: SectionValues<typeof DCAP_KEYS>, at: number): Check[] {
  const { status, advisoryIds, tcbDate, evaluationDataNumber, collateralIssuedAt } = tcb;
  const accepted = new Set(policy.advisories.filter(({ until }) => at <= until).map(({ id }) => id));
  const open = advisoryIds.filter((id) => !accepted.has(id));
  const { minTcbDate: leastDate, minTcbEvaluationDataNumber: leastNumber, maxCollateralAgeDays: age } = policy;
  return [
    tcbCheck('TCB status', policy.tcbStatuses.includes(status), status, `one of ${policy.tcbStatuses.join(', ')}`),
    tcbCheck(
      'advisories',
      open.length === 0,
      open.length === 0 ? 'none open' : `open: ${open.join(', ')}`,
      accepted.size === 0 ? 'none' : `none but ${[...accepted].join(', ')}`,
    ),
    ...(leastNumber === 0
      ? []
      : [
          tcbCheck(
            'TCB evaluation data number',
            evaluationDataNumber >= leastNumber,
            `${evaluationDataNumber}`,
            `at least ${leastNumber}`,
          ),
        ]),
    ...(leastDate === null
      ? []
      : [
          tcbCheck(
            'TCB date',
            tcbDate !== null && tcbDate >= leastDate,
            tcbDate === null ? 'none' : dayText(tcbDate),
            `${dayText(leastDate)} or later`,
          ),
        ]),
    ...(age === null
      ? []
      : [
          tcbCheck(
            'age of the collateral',
            at - collateralIssuedAt <= age * DAY_MS,
            `issued ${dayText(collateralIssuedAt)}`,
            `at most ${age} days old`,
          ),
        ]),
  ];
}

const instancesOf = (platform: DcapClaims['platform']): string[] =>
  platform === null
    ? []
    : [platform.ppid, ...(platform.platformInstanceId === null ? [] : [platform.platformInstanceId])];

const dayText = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);

const tcbCheck = (name: string, passed: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-TCB',
  passed,
  got,
  want,
});

/** Any of `got` is on the list; no check where the policy has none. */
export function oneOf(
  name: string,
  code: Check['code'],
  got: readonly string[],
  want: readonly string[] | null,
): Check[] {
  if (want === null) return [];
  const passed = got.some((one) => want.includes(one));
  return [{ name, code, passed, got: got.length === 0 ? 'none' : got.join(', '), want: `one of ${want.join(', ')}` }];
}

/** A flag of the PCK certificate that must be off; one that does not say counts as on. */
const unlessAllowed = (name: string, allowed: boolean, value: boolean | null): Check[] =>
  allowed ? [] : [mustBe(name, value === false, value === null ? 'not said' : 'on', 'off')];

export const mustBe = (name: string, passed: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-POLICY',
  passed,
  got: passed ? want : got,
  want,
});
