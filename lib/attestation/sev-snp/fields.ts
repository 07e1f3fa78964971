import { toHex } from '../../core/bytes.ts';
import type { ParsedField } from '../parsed-field.ts';
import { parseCertificate } from '../x509/certificate.ts';
import type { TableEntry } from './certificate-table.ts';
import { versionText } from './claims.ts';
import type { SnpEvidence } from './evidence.ts';
import { lineOf, processorName, productOf, readTcb, tcbText } from './product.ts';
import { PLATFORM_BIT, POLICY_BIT, bitNames, type SnpReport } from './report.ts';

type Row = readonly [name: string, offset: number, value: string, meaning: string];

/** Every field of the report in the order of its bytes, then the entries of the certificate table. */
export function snpFields({ report, certificates, reportOffset, tableOffset }: SnpEvidence): ParsedField[] {
  return [
    ...reportRows(report).map(([name, offset, value, meaning]) => ({
      name: `report.${name}`,
      offset: reportOffset + offset,
      value,
      meaning,
    })),
    ...certificates.map((entry) => tableField(entry, tableOffset)),
  ];
}

function tableField({ kind, guid, offset, content }: TableEntry, tableOffset: number): ParsedField {
  const read = kind === 'CRL' || kind === 'other' ? null : parseCertificate(content);
  return {
    name: `table.${kind === 'other' ? guid : kind}`,
    offset: tableOffset + offset,
    value: read?.ok === true ? `${read.value.subjectCommonName} ${read.value.fingerprint}` : `${content.length} bytes`,
    meaning: 'what the host gave along, not verified here',
  };
}

function reportRows(report: SnpReport): Row[] {
  const tcb = (bytes: Uint8Array): string => tcbMeaning(report, bytes);
  return [
    ['VERSION', 0x000, String(report.version), 'layout of the report'],
    ['GUEST_SVN', 0x004, String(report.guestSvn), 'security version of the virtual machine, from its ID block'],
    ['POLICY', 0x008, hex64(report.policy), policyMeaning(report.policy)],
    ['FAMILY_ID', 0x010, toHex(report.familyId), 'from the ID block'],
    ['IMAGE_ID', 0x020, toHex(report.imageId), 'from the ID block'],
    ['VMPL', 0x030, String(report.vmpl), 'privilege level that asked for the report, 0 is the highest'],
    ['SIGNATURE_ALGO', 0x034, '1', 'ECDSA P-384 with SHA-384'],
    ['CURRENT_TCB', 0x038, toHex(report.currentTcb), `running: ${tcb(report.currentTcb)}`],
    ['PLATFORM_INFO', 0x040, hex64(report.platformInfo), orNothing(bitNames(report.platformInfo, PLATFORM_BIT))],
    ['SIGNING_KEY', 0x048, report.signingKey, 'bits 2 to 4: VCEK belongs to the chip, VLEK to a cloud provider'],
    ['MASK_CHIP_KEY', 0x048, String(report.maskChipKey), 'bit 1: the chip does not sign with its own key'],
    ['AUTHOR_KEY_EN', 0x048, String(report.authorKeyEnabled), 'bit 0: the ID key was certified by an author key'],
    ['REPORT_DATA', 0x050, toHex(report.reportData), 'what the program in the virtual machine put in'],
    ['MEASUREMENT', 0x090, toHex(report.measurement), 'digest of the memory that the virtual machine started with'],
    ['HOST_DATA', 0x0c0, toHex(report.hostData), 'what the host put in at launch'],
    ['ID_KEY_DIGEST', 0x0e0, toHex(report.idKeyDigest), 'SHA-384 of the key that signed the ID block; zero: none'],
    ['AUTHOR_KEY_DIGEST', 0x110, toHex(report.authorKeyDigest), 'SHA-384 of the key that certified the ID key'],
    ['REPORT_ID', 0x140, toHex(report.reportId), 'identity of this virtual machine until it ends'],
    ['REPORT_ID_MA', 0x160, toHex(report.reportIdMa), 'identity of its migration agent; all ones: none'],
    ['REPORTED_TCB', 0x180, toHex(report.reportedTcb), `signed with the key for: ${tcb(report.reportedTcb)}`],
    ...(report.cpu === null ? [] : cpuRows(report.cpu)),
    ['CHIP_ID', 0x1a0, toHex(report.chipId), 'hardware id, on Turin 8 bytes; zero: masked'],
    ['COMMITTED_TCB', 0x1e0, toHex(report.committedTcb), `cannot fall below: ${tcb(report.committedTcb)}`],
    [
      'CURRENT_BUILD',
      0x1e8,
      String(report.currentVersion.build),
      `running firmware ${versionText(report.currentVersion)}`,
    ],
    ['CURRENT_MINOR', 0x1e9, String(report.currentVersion.minor), 'minor version of the running firmware'],
    ['CURRENT_MAJOR', 0x1ea, String(report.currentVersion.major), 'major version of the running firmware'],
    [
      'COMMITTED_BUILD',
      0x1ec,
      String(report.committedVersion.build),
      `committed firmware ${versionText(report.committedVersion)}`,
    ],
    ['COMMITTED_MINOR', 0x1ed, String(report.committedVersion.minor), 'minor version of the committed firmware'],
    ['COMMITTED_MAJOR', 0x1ee, String(report.committedVersion.major), 'major version of the committed firmware'],
    ['LAUNCH_TCB', 0x1f0, toHex(report.launchTcb), `when the virtual machine was launched: ${tcb(report.launchTcb)}`],
    ...(report.mitigations === null ? [] : mitigationRows(report.mitigations)),
    ['SIGNATURE.R', 0x2a0, toHex(report.signature.subarray(0, 48)), 'most significant byte first'],
    ['SIGNATURE.S', 0x2e8, toHex(report.signature.subarray(48)), 'most significant byte first'],
  ];
}

const cpuRows = (cpu: NonNullable<SnpReport['cpu']>): Row[] => [
  ['CPUID_FAM_ID', 0x188, `0x${cpu.family.toString(16)}`, processorName(cpu)],
  ['CPUID_MOD_ID', 0x189, `0x${cpu.model.toString(16)}`, 'model, extended part included'],
  ['CPUID_STEP', 0x18a, `0x${cpu.stepping.toString(16)}`, 'stepping'],
];

const mitigationRows = ({ launch, current }: NonNullable<SnpReport['mitigations']>): Row[] => [
  ['LAUNCH_MIT_VECTOR', 0x1f8, hex64(launch), `mitigations at launch: ${orNothing(bitNames(launch, {}))}`],
  ['CURRENT_MIT_VECTOR', 0x200, hex64(current), `mitigations now: ${orNothing(bitNames(current, {}))}`],
];

function tcbMeaning({ cpu }: SnpReport, bytes: Uint8Array): string {
  const line = cpu === null ? 'milan' : lineOf(cpu);
  return line === null ? 'components of an unknown processor' : tcbText(readTcb(productOf(line), bytes));
}

function policyMeaning(policy: bigint): string {
  const bits = bitNames(policy, POLICY_BIT, POLICY_BIT.smtAllowed).filter((name) => name !== 'bit 17');
  return `ABI at least ${(policy >> 8n) & 0xffn}.${policy & 0xffn}; ${orNothing(bits)}`;
}

const hex64 = (value: bigint): string => `0x${value.toString(16)}`;

const orNothing = (names: readonly string[]): string => (names.length === 0 ? 'nothing set' : names.join(', '));
