import { toHex } from '../../core/bytes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Check } from '../attestation-result.ts';
import { bitNumbers, compareVersions, versionText, type SnpClaims } from './claims.ts';
import { MILAN_REASON, type SnpPolicy, type TcbMinima } from './policy.ts';
import { productOf, tcbText, titleOf, type Tcb } from './product.ts';
import { PLATFORM_BIT, POLICY_BIT, bitSet, type FirmwareVersion, type SnpReport } from './report.ts';

/** The claims under the section `sev-snp`; every rule is reported, those that ask for nothing left out. */
export function appraiseSnp(claims: SnpClaims, policy: SnpPolicy): Check[] {
  return [...firmwareChecks(claims, policy), ...hostChecks(claims.report, policy), ...guestChecks(claims, policy)];
}

const check = (name: string, code: ErrorCode, passed: boolean, got: string, want: string): Check => ({
  name,
  code,
  passed,
  got,
  want,
});

function firmwareChecks({ line, tcb, report }: SnpClaims, policy: SnpPolicy): Check[] {
  const product = productOf(line);
  const allowed = policy.products.includes(product);
  const names = policy.products.map(titleOf).join(' or ');
  const { currentTcb, committedTcb, currentVersion, committedVersion } = report;
  const current = `${toHex(currentTcb)} (${versionText(currentVersion)})`;
  const committed = `${toHex(committedTcb)} (${versionText(committedVersion)})`;
  return [
    check(
      'product',
      'E-ATTEST-POLICY',
      allowed,
      titleOf(product),
      product === 'milan' && !allowed ? `${names}; Milan only where the policy names it, since ${MILAN_REASON}` : names,
    ),
    ...minimumCheck('reported TCB', tcb.reported, policy.minimumTcb, line),
    ...minimumCheck('committed TCB', tcb.committed, policy.minimumCommittedTcb, line),
    ...minimumCheck('launch TCB', tcb.launch, policy.minimumLaunchTcb, line),
    ...minimumFirmware(report, policy.minimumFirmware),
    check(
      'provisional firmware',
      'E-ATTEST-TCB',
      policy.provisionalFirmware || current === committed,
      `current ${current}, committed ${committed}`,
      policy.provisionalFirmware ? 'any' : 'committed equal to current',
    ),
    ...mitigationCheck('launch mitigations', report.mitigations?.launch ?? null, policy.launchMitigations),
    ...mitigationCheck('current mitigations', report.mitigations?.current ?? null, policy.currentMitigations),
  ];
}

function minimumCheck(name: string, tcb: Tcb, minima: TcbMinima, line: SnpClaims['line']): Check[] {
  const minimum = minima[line];
  if (minimum === undefined) return [];
  const low = Object.entries(minimum).filter(([component, least]) => (tcb[component as keyof Tcb] ?? -1) < least);
  return [check(name, 'E-ATTEST-TCB', low.length === 0, tcbText(tcb), `at least ${tcbText(minimum)}`)];
}

function minimumFirmware({ currentVersion, committedVersion }: SnpReport, least: FirmwareVersion | null): Check[] {
  if (least === null) return [];
  const got = `current ${versionText(currentVersion)}, committed ${versionText(committedVersion)}`;
  const passed = [currentVersion, committedVersion].every((version) => compareVersions(version, least) >= 0);
  return [check('firmware version', 'E-ATTEST-TCB', passed, got, `both at least ${versionText(least)}`)];
}

function mitigationCheck(name: string, vector: bigint | null, bits: readonly number[]): Check[] {
  if (bits.length === 0) return [];
  const passed = vector !== null && bits.every((bit) => bitSet(vector, bit));
  const got = vector === null ? 'a report without mitigation vectors' : `bits ${bitNumbers(vector).join(', ')}`;
  return [check(name, 'E-ATTEST-TCB', passed, got, `at least bits ${bits.join(', ')}`)];
}

function hostChecks({ policy: guest, platformInfo, reportIdMa }: SnpReport, policy: SnpPolicy): Check[] {
  const demands = (bit: number): boolean => bitSet(guest, bit);
  const host = (bit: number): boolean => bitSet(platformInfo, bit);
  const rule = (name: string, applies: boolean, passed: boolean, got: string, want: string): Check[] =>
    applies ? [check(name, 'E-ATTEST-POLICY', passed, got, want)] : [];
  const onOff = (guestSays: boolean, hostSays: boolean): string =>
    `${guestSays ? 'demanded' : 'not demanded'} by the guest, ${hostSays ? 'on' : 'off'} in the host`;
  const agent = toHex(reportIdMa);
  const migrates = demands(POLICY_BIT.migrationAgentAllowed);
  const smtAllowed = demands(POLICY_BIT.smtAllowed);
  const smtOn = host(PLATFORM_BIT.smtEnabled);
  const hidden = [demands(POLICY_BIT.ciphertextHiding), host(PLATFORM_BIT.ciphertextHiding)] as const;
  const noRapl = [demands(POLICY_BIT.raplDisabled), host(PLATFORM_BIT.raplDisabled)] as const;
  return [
    check(
      'migration',
      'E-ATTEST-POLICY',
      !migrates || policy.migrationAgents?.includes(agent) === true,
      migrates ? `allowed, agent ${agent.slice(0, 16)}…` : 'forbidden by the guest',
      policy.migrationAgents === null ? 'no migration agent' : 'none, or an agent on the list',
    ),
    ...rule(
      'alias check',
      policy.aliasCheck,
      host(PLATFORM_BIT.aliasCheckComplete),
      host(PLATFORM_BIT.aliasCheckComplete) ? 'complete' : 'not reported',
      'ALIAS_CHECK_COMPLETE (reports of version 3 and later)',
    ),
    ...rule(
      'simultaneous multithreading',
      !policy.smt,
      !smtAllowed && !smtOn,
      `${smtAllowed ? 'allowed' : 'forbidden'} by the guest, ${smtOn ? 'on' : 'off'} in the host`,
      'forbidden, and off',
    ),
    ...rule('CXL', !policy.cxl, !demands(POLICY_BIT.cxlAllowed), yesNo(demands(POLICY_BIT.cxlAllowed)), 'not allowed'),
    ...rule(
      'single socket',
      policy.singleSocket,
      demands(POLICY_BIT.singleSocket),
      demands(POLICY_BIT.singleSocket) ? 'demanded' : 'not demanded',
      'demanded by the guest',
    ),
    ...rule('ciphertext hiding', policy.ciphertextHiding, hidden[0] && hidden[1], onOff(...hidden), 'demanded, and on'),
    ...rule(
      'page swap',
      policy.pageSwapDisabled,
      demands(POLICY_BIT.pageSwapDisabled),
      demands(POLICY_BIT.pageSwapDisabled) ? 'forbidden' : 'allowed',
      'forbidden by the guest',
    ),
    ...rule('RAPL disabled', policy.raplDisabled, noRapl[0] && noRapl[1], onOff(...noRapl), 'demanded, and on'),
  ];
}

const yesNo = (allowed: boolean): string => (allowed ? 'allowed by the guest' : 'not allowed');

function guestChecks({ report, instance }: SnpClaims, policy: SnpPolicy): Check[] {
  const listed = (name: string, value: string | null, allowed: readonly string[] | null, code: ErrorCode): Check[] =>
    allowed === null
      ? []
      : [
          check(
            name,
            code,
            value !== null && allowed.includes(value),
            value ?? 'none',
            allowed.length === 1 ? (allowed[0] ?? '') : `one of ${allowed.length} on the list`,
          ),
        ];
  const authorKey = report.authorKeyEnabled ? toHex(report.authorKeyDigest) : null;
  // Host data and the ids name no program: only what has the code E-ATTEST-MEASUREMENT does.
  return [
    check(
      'VMPL',
      'E-ATTEST-POLICY',
      policy.vmpl.includes(report.vmpl),
      String(report.vmpl),
      `one of ${policy.vmpl.join(', ')}`,
    ),
    ...listed('measurement', toHex(report.measurement), policy.measurements, 'E-ATTEST-MEASUREMENT'),
    ...listed('host data', toHex(report.hostData), policy.hostData, 'E-ATTEST-POLICY'),
    ...listed('family id', toHex(report.familyId), policy.familyIds, 'E-ATTEST-POLICY'),
    ...listed('image id', toHex(report.imageId), policy.imageIds, 'E-ATTEST-POLICY'),
    ...(policy.minimumGuestSvn === 0
      ? []
      : [
          check(
            'guest SVN',
            'E-ATTEST-SVN',
            report.guestSvn >= policy.minimumGuestSvn,
            String(report.guestSvn),
            `at least ${policy.minimumGuestSvn}`,
          ),
        ]),
    ...listed('ID key', toHex(report.idKeyDigest), policy.idKeys, 'E-ATTEST-MEASUREMENT'),
    ...listed('author key', authorKey, policy.authorKeys, 'E-ATTEST-MEASUREMENT'),
    ...listed('chip', instance, policy.chips, 'E-ATTEST-INSTANCE'),
  ];
}
