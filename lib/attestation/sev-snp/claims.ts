import { toHex } from '../../core/bytes.ts';
import type { ClaimValue, EvidenceClaims } from '../evidence-claims.ts';
import { CHIP_ID_BYTES, productOf, readTcb, titleOf, type ProductLine, type Tcb } from './product.ts';
import { PLATFORM_BIT, POLICY_BIT, bitNames, bitSet, type FirmwareVersion, type SnpReport } from './report.ts';

/** Four states of the firmware's security versions: running, used for signing, irrevocable, at the guest's launch. */
export interface TcbStates {
  readonly current: Tcb;
  readonly reported: Tcb;
  readonly committed: Tcb;
  readonly launch: Tcb;
}

export interface SnpClaims extends EvidenceClaims {
  readonly format: 'sev-snp';
  readonly line: ProductLine;
  readonly tcb: TcbStates;
  readonly report: SnpReport;
}

export function snpClaims(report: SnpReport, line: ProductLine, provider: string | null): SnpClaims {
  const product = productOf(line);
  const tcb: TcbStates = {
    current: readTcb(product, report.currentTcb),
    reported: readTcb(product, report.reportedTcb),
    committed: readTcb(product, report.committedTcb),
    launch: readTcb(product, report.launchTcb),
  };
  return {
    format: 'sev-snp',
    measurements: { MEASUREMENT: toHex(report.measurement), HOST_DATA: toHex(report.hostData) },
    reportData: report.reportData,
    nonce: null,
    instance: report.chipId.every((byte) => byte === 0)
      ? null
      : toHex(report.chipId.subarray(0, CHIP_ID_BYTES[product])),
    debug: bitSet(report.policy, POLICY_BIT.debugAllowed),
    issuedAt: null,
    details: details(report, line, tcb, provider),
    line,
    tcb,
    report,
  };
}

function details(
  report: SnpReport,
  line: ProductLine,
  tcb: TcbStates,
  provider: string | null,
): Readonly<Record<string, ClaimValue>> {
  return {
    product: titleOf(productOf(line)),
    line,
    reportVersion: report.version,
    signingKey: report.signingKey,
    provider,
    authorKeyEnabled: report.authorKeyEnabled,
    chipKeyMasked: report.maskChipKey,
    vmpl: report.vmpl,
    guestSvn: report.guestSvn,
    minimumAbi: `${Number((report.policy >> 8n) & 0xffn)}.${Number(report.policy & 0xffn)}`,
    policy: bitNames(report.policy, POLICY_BIT, POLICY_BIT.smtAllowed).filter((name) => name !== 'bit 17'),
    platform: bitNames(report.platformInfo, PLATFORM_BIT),
    currentTcb: { ...tcb.current },
    reportedTcb: { ...tcb.reported },
    committedTcb: { ...tcb.committed },
    launchTcb: { ...tcb.launch },
    currentFirmware: versionText(report.currentVersion),
    committedFirmware: versionText(report.committedVersion),
    launchMitigations: report.mitigations === null ? null : bitNumbers(report.mitigations.launch),
    currentMitigations: report.mitigations === null ? null : bitNumbers(report.mitigations.current),
    familyId: toHex(report.familyId),
    imageId: toHex(report.imageId),
    idKeyDigest: toHex(report.idKeyDigest),
    authorKeyDigest: toHex(report.authorKeyDigest),
    reportId: toHex(report.reportId),
    reportIdMa: toHex(report.reportIdMa),
    ...(report.cpu === null ? {} : { cpu: { ...report.cpu } }),
  };
}

export const versionText = ({ major, minor, build }: FirmwareVersion): string => `${major}.${minor}.${build}`;

/** Negative, zero or positive, as `a` is older than, as old as, or newer than `b`. */
export const compareVersions = (a: FirmwareVersion, b: FirmwareVersion): number =>
  a.major - b.major || a.minor - b.minor || a.build - b.build;

/** Positions of the bits that are set. */
export const bitNumbers = (value: bigint): number[] =>
  Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => bitSet(value, bit));
