import { describe, expect, it } from 'vitest';
import { fallbackOf, readSection } from '../../../../lib/attestation/policy/policy-section.ts';
import { snpClaims } from '../../../../lib/attestation/sev-snp/claims.ts';
import type { ProductLine } from '../../../../lib/attestation/sev-snp/product.ts';
import { sevSnp } from '../../../../lib/attestation/sev-snp/sev-snp.ts';
import {
  AMD_AT,
  REPORT,
  TCB,
  TURIN_TCB,
  chipIdOf,
  snpReport,
  type ReportParts,
} from '../../../authorities/amd-authority.ts';
import { newKeys } from '../../../authorities/x509-authority.ts';

const key = newKeys('p384-sha384');

function refusals(parts: ReportParts, policy: Readonly<Record<string, unknown>>, line?: ProductLine): string[] {
  const parsed = sevSnp.parse(snpReport(key, parts));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const values = readSection(sevSnp.policy, policy);
  if (!values.ok) throw new Error(values.error.join('; '));
  const claims = snpClaims(parsed.value.report, line ?? parts.product ?? 'genoa', null);
  return sevSnp
    .appraise(claims, values.value, AMD_AT)
    .filter(({ passed }) => !passed)
    .map(({ code, name }) => `${code} ${name}`);
}

const TCB_CODE = 'E-ATTEST-TCB';
const POLICY = 'E-ATTEST-POLICY';
const MEASUREMENT = 'E-ATTEST-MEASUREMENT';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const other = (bytes: number): string => '99'.repeat(bytes);

interface Row {
  readonly key: string;
  readonly report?: ReportParts;
  readonly accepted: unknown;
  readonly refused: unknown;
  readonly check: string;
}

const rows: readonly Row[] = [
  { key: 'products', accepted: ['genoa'], refused: ['turin'], check: `${POLICY} product` },
  {
    key: 'minimumTcb',
    report: { reported: TCB.with(7, 100) },
    accepted: { genoa: { bootloader: 3, tee: 2, snp: 8, microcode: 100 } },
    refused: { genoa: { microcode: 101 } },
    check: `${TCB_CODE} reported TCB`,
  },
  {
    key: 'minimumCommittedTcb',
    report: { reported: TCB.with(0, 0) },
    accepted: { genoa: { bootloader: 3 } },
    refused: { genoa: { bootloader: 4 } },
    check: `${TCB_CODE} committed TCB`,
  },
  {
    key: 'minimumLaunchTcb',
    report: { launch: TCB.with(6, 5) },
    accepted: { genoa: { snp: 5 } },
    refused: { genoa: { snp: 6 } },
    check: `${TCB_CODE} launch TCB`,
  },
  { key: 'minimumFirmware', accepted: '1.55.40', refused: '1.55.41', check: `${TCB_CODE} firmware version` },
  { key: 'minimumFirmware', accepted: '1.55', refused: '1.56', check: `${TCB_CODE} firmware version` },
  { key: 'minimumFirmware', accepted: '0.99.99', refused: '2.0.0', check: `${TCB_CODE} firmware version` },
  {
    key: 'provisionalFirmware',
    report: { currentVersion: [41, 55, 1] },
    accepted: true,
    refused: false,
    check: `${TCB_CODE} provisional firmware`,
  },
  {
    key: 'provisionalFirmware',
    report: { current: TCB.with(7, 116) },
    accepted: true,
    refused: false,
    check: `${TCB_CODE} provisional firmware`,
  },
  {
    key: 'launchMitigations',
    report: { mitigations: [0b101n, 0n] },
    accepted: [0, 2],
    refused: [0, 1],
    check: `${TCB_CODE} launch mitigations`,
  },
  {
    key: 'currentMitigations',
    report: { mitigations: [0n, 1n << 63n] },
    accepted: [63],
    refused: [62],
    check: `${TCB_CODE} current mitigations`,
  },
  {
    key: 'aliasCheck',
    report: { platformInfo: 0x05n },
    accepted: false,
    refused: true,
    check: `${POLICY} alias check`,
  },
  {
    key: 'migrationAgents',
    report: { policy: 0x70000n },
    accepted: [REPORT.agent],
    refused: [other(32)],
    check: `${POLICY} migration`,
  },
  { key: 'smt', accepted: true, refused: false, check: `${POLICY} simultaneous multithreading` },
  { key: 'cxl', report: { policy: 0x230000n }, accepted: true, refused: false, check: `${POLICY} CXL` },
  { key: 'singleSocket', accepted: false, refused: true, check: `${POLICY} single socket` },
  { key: 'ciphertextHiding', accepted: false, refused: true, check: `${POLICY} ciphertext hiding` },
  { key: 'pageSwapDisabled', accepted: false, refused: true, check: `${POLICY} page swap` },
  { key: 'raplDisabled', accepted: false, refused: true, check: `${POLICY} RAPL disabled` },
  { key: 'vmpl', report: { vmpl: 1 }, accepted: [0, 1], refused: [0, 2], check: `${POLICY} VMPL` },
  {
    key: 'measurements',
    accepted: [other(48), REPORT.measurement],
    refused: [other(48)],
    check: `${MEASUREMENT} measurement`,
  },
  {
    key: 'hostData',
    accepted: [REPORT.hostData.toUpperCase()],
    refused: [other(32)],
    check: `${POLICY} host data`,
  },
  { key: 'familyIds', accepted: [REPORT.familyId], refused: [other(16)], check: `${POLICY} family id` },
  { key: 'imageIds', accepted: [REPORT.imageId], refused: [other(16)], check: `${POLICY} image id` },
  { key: 'minimumGuestSvn', accepted: 3, refused: 4, check: 'E-ATTEST-SVN guest SVN' },
  { key: 'idKeys', accepted: [REPORT.idKey], refused: [REPORT.authorKey], check: `${MEASUREMENT} ID key` },
  { key: 'authorKeys', accepted: [REPORT.authorKey], refused: [REPORT.idKey], check: `${MEASUREMENT} author key` },
  { key: 'chips', accepted: [hex(chipIdOf('genoa'))], refused: [other(64), other(8)], check: 'E-ATTEST-INSTANCE chip' },
];

describe('the policy section sev-snp', () => {
  it.each(rows)(
    '$key: $accepted passes, $refused does not ($check)',
    ({ key: name, report = {}, accepted, refused, check }) => {
      expect(refusals(report, { [name]: accepted })).toEqual([]);
      expect(refusals(report, { [name]: refused })).toEqual([check]);
    },
  );

  it('has a row above for every key', () => {
    expect([...new Set(rows.map((row) => row.key))].sort()).toEqual(Object.keys(sevSnp.policy.keys).sort());
  });

  it.each<[string, ReportParts, Readonly<Record<string, unknown>>]>([
    ['SMT off, and forbidden', { policy: 0x20000n, platformInfo: 0x24n }, { smt: false }],
    ['single socket', { policy: 0x130000n }, { singleSocket: true }],
    ['ciphertext hiding', { policy: 0x1030000n, platformInfo: 0x35n }, { ciphertextHiding: true }],
    ['page swap', { policy: 0x2030000n }, { pageSwapDisabled: true }],
    ['RAPL', { policy: 0x830000n, platformInfo: 0x2dn }, { raplDisabled: true }],
    ['Turin chips by 8 bytes', { product: 'turin' }, { chips: [hex(chipIdOf('turin'))] }],
    [
      'Turin minima with fmc',
      { product: 'turin', tcb: TURIN_TCB },
      { minimumTcb: { turin: { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 81 } } },
    ],
    [
      'minima of other products',
      {},
      { minimumTcb: { turin: { fmc: 255 }, milan: { snp: 255 }, 'bergamo-siena': { snp: 255 } } },
    ],
  ])('demands that are met: %s', (_, report, policy) => {
    expect(refusals(report, policy)).toEqual([]);
  });

  it.each<[string, ReportParts, Readonly<Record<string, unknown>>, string]>([
    ['SMT forbidden but on', { policy: 0x20000n }, { smt: false }, `${POLICY} simultaneous multithreading`],
    ['SMT off but allowed', { platformInfo: 0x24n }, { smt: false }, `${POLICY} simultaneous multithreading`],
    ['hiding on but not demanded', { platformInfo: 0x35n }, { ciphertextHiding: true }, `${POLICY} ciphertext hiding`],
    ['hiding demanded but off', { policy: 0x1030000n }, { ciphertextHiding: true }, `${POLICY} ciphertext hiding`],
    ['RAPL off but not demanded', { platformInfo: 0x2dn }, { raplDisabled: true }, `${POLICY} RAPL disabled`],
    ['RAPL demanded off but on', { policy: 0x830000n }, { raplDisabled: true }, `${POLICY} RAPL disabled`],
    ['no author key', { authorKey: false }, { authorKeys: [REPORT.authorKey] }, `${MEASUREMENT} author key`],
    ['a masked chip id', { chipId: new Uint8Array(64) }, { chips: ['00'.repeat(64)] }, 'E-ATTEST-INSTANCE chip'],
    [
      'only the running firmware is new enough',
      { currentVersion: [41, 55, 1] },
      { minimumFirmware: '1.55.41', provisionalFirmware: true },
      `${TCB_CODE} firmware version`,
    ],
    [
      'no mitigation vectors in version 4',
      { version: 4 },
      { launchMitigations: [0] },
      `${TCB_CODE} launch mitigations`,
    ],
    [
      'a low fmc',
      { product: 'turin', tcb: TURIN_TCB },
      { minimumTcb: { turin: { fmc: 2 } } },
      `${TCB_CODE} reported TCB`,
    ],
    ['another migration agent', { policy: 0x70000n }, {}, `${POLICY} migration`],
  ])('demands that are not met: %s', (_, report, policy, check) => {
    expect(refusals(report, policy)).toEqual([check]);
  });

  it('measures Bergamo and Siena by their own minima', () => {
    const policy = { minimumTcb: { genoa: { microcode: 200 }, 'bergamo-siena': { microcode: 27 } } };
    expect(refusals({ cpu: [0x19, 0xa0, 2] }, policy, 'bergamo-siena')).toEqual([]);
    expect(refusals({}, policy)).toEqual([`${TCB_CODE} reported TCB`]);
  });

  it('refuses Milan with the reason, and version 2 for want of the alias check', () => {
    expect(refusals({ product: 'milan', version: 2, platformInfo: 1n }, {})).toEqual([
      `${POLICY} product`,
      `${POLICY} alias check`,
    ]);
    expect(refusals({ product: 'milan' }, { products: ['milan'] })).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['products', ['venice']],
    ['minimumTcb', { venice: { snp: 1 } }],
    ['minimumTcb', { genoa: { fmc: 1 } }],
    ['minimumTcb', { genoa: { snp: 256 } }],
    ['minimumTcb', { genoa: { snp: 1.5 } }],
    ['minimumTcb', { genoa: {} }],
    ['minimumTcb', {}],
    ['minimumTcb', [1]],
    ['minimumTcb', 7],
    ['minimumFirmware', '1'],
    ['minimumFirmware', '1.256'],
    ['minimumFirmware', 1.55],
    ['minimumFirmware', '1.55.40.1'],
    ['chips', ['00']],
    ['chips', []],
    ['vmpl', [4]],
    ['launchMitigations', [64]],
    ['minimumGuestSvn', -1],
    ['aliasCheck', 'yes'],
    ['measurements', ['zz']],
  ])('%s: %j is no policy', (name, value) => {
    const read = readSection(sevSnp.policy, { [name]: value });
    expect(read.ok ? [] : read.error).toEqual([expect.stringContaining(`sev-snp.${name}: `)]);
  });

  it('is documented key by key, with an example and a fallback', () => {
    for (const { about, accepts, otherwise, example } of Object.values(sevSnp.policy.keys)) {
      expect([about, accepts, otherwise, example].every((text) => text.length > 0)).toBe(true);
    }
    expect(readSection(sevSnp.policy, {})).toEqual({ ok: true, value: fallbackOf(sevSnp.policy) });
  });
});
