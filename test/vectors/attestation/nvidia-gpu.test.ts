import { describe, expect, it } from 'vitest';
import type { CollateralItem } from '../../../lib/attestation/collateral/collateral.ts';
import { readGpuEvidence } from '../../../lib/attestation/nvidia-gpu/gpu-evidence.ts';
import { nvidiaGpu } from '../../../lib/attestation/nvidia-gpu/nvidia-gpu.ts';
import { fallbackOf } from '../../../lib/attestation/policy/policy-section.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { fromHex, toHex } from '../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorText } from './evidence-vectors.ts';
import { authenticated, collateralOf, joined, nvidiaPath } from './nvidia-vectors.ts';

/** Within the validity of the RIM signers of most files (two years from mid 2023). */
const AT = '2025-01-01T00:00:00Z';
const DRIVER_545 = 'nvtrust:Driver_RIM_test_no_gpu.swidtag';
const VBIOS_5E01 = 'nvtrust:1010_0200_882_96005E0001_test_no_gpu.swidtag';
const SWITCH_RIM = 'unit:switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml';
const wholeRims = [DRIVER_545, VBIOS_5E01];

interface Row {
  /** Report, chain. */
  readonly evidence: readonly string[];
  readonly rims?: readonly string[];
  readonly at?: string;
  readonly failed?: readonly string[];
  /** RIM ids. */
  readonly missing?: readonly string[];
  readonly devices?: number;
}

const hopper = (driver: string, vbios: string): string[] => [`NV_GPU_DRIVER_GH100_${driver}`, `NV_GPU_VBIOS_${vbios}`];
const LS10 = 'NV_SWITCH_BIOS_5612_0002_890_9610550001';
const node590 = hopper('590.12', 'G520_0200_885_9600A50001');

/** Every report among the vectors. Missing RIMs are not among them: authentic, and inconclusive. */
const table: readonly Row[] = [
  { evidence: ['go:attestationReport.txt', 'go:gpuAkCertChain.txt'], rims: wholeRims },
  { evidence: ['unit:switchAttestationReport.txt', 'unit:switchCertChain.txt'], rims: [SWITCH_RIM], at: '2026-06-01' },
  // Its leaf was issued by another boot ROM certificate than the one left out.
  {
    evidence: ['go:attestationReport.txt', 'go:invalidCertChain.txt'],
    rims: wholeRims,
    failed: ['SIGNATURE GPU 0 chain signatures'],
  },
  // The production RIM of that firmware is for released firmware, which this engineering device does not run.
  {
    evidence: ['go:attestationReport.txt', 'go:gpuAkCertChain.txt'],
    rims: [DRIVER_545, 'nvtrust:1010_0200_882_96005E0001_PROD.swidtag'],
    failed: [
      'GPU 0 measurements',
      ...[1, 2, 3].map((n) => `GPU 0 measurement ${n} (HashedMeasurement_${n}_FSP)`),
      'GPU 0 measurement 9 (Measurement_9)',
    ].map((name) => `MEASUREMENT ${name}`),
  },
  {
    evidence: ['nvtrust:hopperAttestationReport.txt', 'nvtrust:hopperCertChain.txt'],
    missing: hopper('550.90.07', '1010_0200_882_96009F0001'),
  },
  {
    evidence: ['unit:hopperAttestationReport.txt', 'unit:hopperCertChain.txt'],
    missing: hopper('580.159.03', '1010_0205_862_9600740020'),
  },
  {
    evidence: ['sample:gpu/hopperAttestationReport.txt', 'sample:gpu/hopperCertChain.txt'],
    missing: hopper('535.86.09', '1010_0200_882_96005E0001'),
  },
  // "Expired" is about its driver RIM; the report has no date and verifies.
  {
    evidence: ['sample:gpu/hopperAttestationReportExpired.txt', 'sample:gpu/hopperCertChainExpired.txt'],
    missing: hopper('570.124.03', '1010_0205_862_96005E0004'),
  },
  {
    evidence: ['sample:gpu/hopperAttestationReportInvalidSignature.txt', 'sample:gpu/hopperCertChain.txt'],
    failed: ['SIGNATURE GPU 0 report signature', 'MISMATCH GPU 0 firmware id'],
    missing: hopper('560.00', 'G520_0200_885_9600A50001'),
  },
  // No chip info in this older opaque data: the driver RIM is named after the chip in the certificate.
  {
    evidence: ['sample:gpu/blackwellAttestationReport.txt', 'sample:gpu/blackwellCertChain.txt'],
    missing: ['NV_GPU_CC_DRIVER_GB100_575.32', 'NV_GPU_VBIOS_G525_0220_886_970088000F'],
  },
  { evidence: ['sample:switch/switchAttestationReport.txt', 'sample:switch/switchCertChain.txt'], missing: [LS10] },
  {
    evidence: ['sample:switch/switchAttestationReportInvalidSignature.txt', 'sample:switch/switchCertChain.txt'],
    failed: ['SIGNATURE switch 0 report signature', 'MISMATCH switch 0 identity'],
    missing: ['NV_SWITCH_BIOS_5612_0002_890_9610520000'],
  },
  {
    evidence: ['trustee:hopperAttestationReport.txt', 'trustee:hopper_cert_chain_case1.txt'],
    missing: hopper('550.90.07', '1010_0200_882_96009F0001'),
  },
  // Only the root.
  {
    evidence: ['trustee:hopperAttestationReport.txt', 'trustee:hopper_cert_chain_case2.txt'],
    failed: [
      'SIGNATURE GPU 0 chain roles',
      'SIGNATURE GPU 0 report signature',
      'MISMATCH GPU 0 firmware id',
      'MISMATCH GPU 0 identity',
    ],
    missing: ['NV_GPU_CC_DRIVER_unknown chip_550.90.07', 'NV_GPU_VBIOS_1010_0200_882_96009F0001'],
  },
  // Without the provisioner.
  {
    evidence: ['trustee:hopperAttestationReport.txt', 'trustee:hopper_cert_chain_case3.txt'],
    failed: ['SIGNATURE GPU 0 chain signatures'],
    missing: hopper('550.90.07', '1010_0200_882_96009F0001'),
  },
  // Without the leaf.
  {
    evidence: ['trustee:hopperAttestationReport.txt', 'trustee:hopper_cert_chain_case4.txt'],
    failed: ['SIGNATURE GPU 0 chain roles', 'SIGNATURE GPU 0 report signature', 'MISMATCH GPU 0 firmware id'],
    missing: hopper('550.90.07', '1010_0200_882_96009F0001'),
  },
  // Only the leaf.
  {
    evidence: ['trustee:hopperAttestationReport.txt', 'trustee:hopper_signing_cert.pem'],
    failed: ['SIGNATURE GPU 0 chain root', 'SIGNATURE GPU 0 chain signatures'],
    missing: hopper('550.90.07', '1010_0200_882_96009F0001'),
  },
  // One zero byte follows the signature.
  {
    evidence: ['trustee:hopper_coco_report1.txt', 'trustee:hopper_coco_certs1.txt'],
    missing: hopper('580.95.05', '1010_0200_882_960074001A'),
  },
  { evidence: ['json:hopper_evidence.json'], missing: node590 },
  // On hold at NVIDIA's responder, which no file here says: inconclusive without an OCSP answer.
  { evidence: ['json:hopper_evidence_cert_hold.json'], missing: hopper('570.86.10', '1010_0200_882_9600AF0001') },
  { evidence: ['json:multi_gpu_hopper.json'], missing: node590, devices: 4 },
  // Four times the same switch.
  { evidence: ['json:multi_switch_ls10.json'], failed: ['MISMATCH distinct devices'], missing: [LS10] },
  { evidence: ['json:switch_evidence_ls10.json'], missing: [LS10] },
  { evidence: ['unit:evidence_hopper_590_12.json'], missing: node590 },
  { evidence: ['ppcie:gpu_evidence.json'], missing: node590, devices: 8 },
  { evidence: ['ppcie:switch_evidence.json'], missing: ['NV_SWITCH_BIOS_5612_0002_890_9610730001'], devices: 4 },
  {
    evidence: ['veraison:blackwell-evidence.json'],
    missing: ['NV_GPU_CC_DRIVER_GB100_590.48.01', 'NV_GPU_VBIOS_G525_0220_886_9700E40011'],
  },
];

const whole = joinedIfPresent('go:attestationReport.txt', 'go:gpuAkCertChain.txt');
const wholeReport = evidenceVectorsAbsent
  ? new Uint8Array()
  : (fromHex(vectorText(nvidiaPath('go:attestationReport.txt')).trim()) ?? new Uint8Array());

function joinedIfPresent(...names: string[]): Uint8Array {
  return evidenceVectorsAbsent ? new Uint8Array() : joined(...names);
}

describe.skipIf(evidenceVectorsAbsent)('reports of real NVIDIA devices', () => {
  it.each(table)('$evidence', ({ evidence, rims = [], at = AT, failed = [], missing = [], devices = 1 }) => {
    const bytes = joined(...evidence);
    expect(nvidiaGpu.recognises(bytes)).toBe(true);
    const outcome = authenticated(bytes, at, { collateral: collateralOf(rims) });
    expect(outcome.failed).toEqual(failed);
    expect(outcome.missing).toEqual(missing.map((id) => `RIM ${id}`));
    expect(outcome.claims?.devices.length ?? null).toBe(failed.length === 0 ? devices : null);
  });

  it('are inconclusive without OCSP answers when revocation is required', () => {
    const outcome = authenticated(whole, AT, { collateral: collateralOf(wholeRims), revocation: 'required' });
    expect(outcome.failed).toEqual([]);
    expect(outcome.missing.filter((name) => name.includes('revocation of'))).toHaveLength(9);
  });

  it('agree with the whole node: eight GPUs and their four switches are linked to each other', () => {
    const node = ['ppcie:gpu_evidence.json', 'ppcie:switch_evidence.json'].flatMap(
      (name) => JSON.parse(vectorText(nvidiaPath(name))) as unknown[],
    );
    const outcome = authenticated(Buffer.from(JSON.stringify(node)), AT);
    expect(outcome.failed).toEqual([]);
    expect(outcome.checks.find(({ name }) => name === 'switch pairing')?.passed).toBe(true);
    const without = authenticated(Buffer.from(JSON.stringify(node.slice(0, -1))), AT);
    expect(without.failed).toEqual(['MISMATCH switch pairing']);
    const fewer = authenticated(Buffer.from(JSON.stringify(node.slice(1))), AT);
    expect(fewer.failed).toEqual(['MISMATCH switch pairing']);
  });

  it('are complete with 33 of 33 measurements, and appraised', () => {
    const { claims, checks } = authenticated(whole, AT, { collateral: collateralOf(wholeRims) });
    expect(checks.find(({ name }) => name === 'GPU 0 measurements')?.got).toBe('33 of 33');
    if (claims === null) throw new Error('not authentic');
    expect(toHex(claims.nonce ?? new Uint8Array()).slice(0, 16)).toBe('4cff7f5380ead8fa');
    expect(claims.devices[0]).toMatchObject({ architecture: 'HOPPER', driverVersion: '545.00', mode: 'unstated' });
    const policy = fallbackOf(nvidiaGpu.policy);
    const failed = (overrides: object): string[] =>
      nvidiaGpu
        .appraise(claims, { ...policy, ...overrides }, Date.parse(AT))
        .filter(({ passed }) => !passed)
        .map(({ code, name }) => `${code} ${name}`);
    // Firmware of 2023 does not repeat its id in the report.
    expect(failed({})).toEqual(['E-ATTEST-POLICY GPU 0 firmware id']);
    const lenient = { requireFirmwareId: false };
    expect(failed(lenient)).toEqual([]);
    expect(
      failed({ ...lenient, minimumDriver: '545.00', minimumFirmware: '96.00.5E.00.01', drivers: ['545.00'] }),
    ).toEqual([]);
    expect(failed({ ...lenient, minimumDriver: '545.01' })).toEqual(['E-ATTEST-TCB GPU 0 oldest driver']);
    expect(failed({ ...lenient, minimumFirmware: '96.00.74.00.01' })).toEqual(['E-ATTEST-TCB GPU 0 oldest firmware']);
    expect(failed({ ...lenient, modes: ['SPT'] })).toEqual(['E-ATTEST-POLICY GPU 0 mode']);
    expect(failed({ ...lenient, gpus: 8 })).toEqual(['E-ATTEST-POLICY GPU count']);
    expect(failed({ ...lenient, serials: ['41'] })).toEqual(['E-ATTEST-INSTANCE GPU 0 serial number']);
    expect(failed({ ...lenient, rims: ['NV_GPU_DRIVER_GH100_545.00'] })).toEqual(['E-ATTEST-MEASUREMENT GPU 0 RIM']);
    expect(failed({ ...lenient, architectures: ['BLACKWELL'] })).toEqual(['E-ATTEST-POLICY GPU 0 architecture']);
  });

  it('chooses among RIMs of the same version the one that fits, whatever their order', () => {
    const both = [DRIVER_545, 'nvtrust:1010_0200_882_96005E0001_PROD.swidtag', VBIOS_5E01];
    for (const rims of [both, both.toReversed()]) {
      expect(authenticated(whole, AT, { collateral: collateralOf(rims) }).failed).toEqual([]);
    }
  });

  it('takes the chain from collateral, in any order', () => {
    const collateral = [...collateralOf(['go:gpuAkCertChain.txt']).toReversed(), ...collateralOf(wholeRims)];
    expect(authenticated(wholeReport, AT, { collateral })).toMatchObject({ failed: [], missing: [] });
    expect(authenticated(wholeReport, AT, { collateral: collateralOf(wholeRims) }).missing).toEqual([
      'GPU 0 certificates',
    ]);
  });

  it('shows every field with its place', () => {
    const parsed = nvidiaGpu.parse(whole);
    const fields = parsed.ok ? nvidiaGpu.fields(parsed.value) : [];
    expect(fields.filter(({ name }) => name.startsWith('measurement.'))).toHaveLength(64);
    for (const { offset, value } of fields) {
      if (offset === null || !/^[0-9a-f]{16,}$/.test(value)) continue;
      expect(toHex(wholeReport.subarray(offset, offset + value.length / 2))).toBe(value);
    }
    expect(fields.find(({ name }) => name === 'opaque.DRIVER_VERSION')?.value).toBe('545.00');
    expect(fields.find(({ name }) => name === 'response.recordLength')).toMatchObject({ value: '3520', offset: 42 });
  });
});

describe.skipIf(evidenceVectorsAbsent)('a report of a real GPU is refused', () => {
  const pem = evidenceVectorsAbsent ? '' : vectorText(nvidiaPath('go:gpuAkCertChain.txt'));
  const failedOf = (report: Uint8Array): readonly string[] => {
    const bytes = Buffer.from(`${toHex(report)}\n${pem}`);
    return nvidiaGpu.parse(bytes).ok ? authenticated(bytes, AT).failed : ['MALFORMED'];
  };

  it('after any change of a byte', () => {
    const survivors: number[] = [];
    for (let at = 0; at < wholeReport.length; at += 41) {
      const altered = wholeReport.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x20;
      if (!['MALFORMED', 'SIGNATURE GPU 0 report signature'].includes(failedOf(altered)[0] ?? '')) survivors.push(at);
    }
    expect(survivors).toEqual([]);
  });

  it('when cut short or extended', () => {
    for (let length = 0; length < wholeReport.length; length += 3) {
      expect(nvidiaGpu.parse(wholeReport.subarray(0, length)).ok).toBe(false);
    }
    const longer = (byte: number, count: number): boolean =>
      nvidiaGpu.parse(Buffer.concat([wholeReport, Buffer.alloc(count, byte)])).ok;
    expect([longer(0, 1), longer(1, 1), longer(0, 2)]).toEqual([true, false, false]);
  });

  it('under other roots, with a chain of another device, with certificates swapped', () => {
    expect(authenticated(whole, AT, { roots: { ...VENDOR_ROOTS, 'nvidia-device': [] } }).failed).toEqual([
      'SIGNATURE GPU 0 chain root',
    ]);
    const foreign = joined('go:attestationReport.txt', 'nvtrust:hopperCertChain.txt');
    expect(authenticated(foreign, AT).failed).toEqual(['SIGNATURE GPU 0 report signature']);
    const blocks = pem.split(/(?<=-----END CERTIFICATE-----\n)/);
    const swapped = [blocks[0], blocks[2], blocks[1], ...blocks.slice(3)].join('');
    const bytes = Buffer.from(`${toHex(wholeReport)}\n${swapped}`);
    expect(authenticated(bytes, AT).failed).toContain('SIGNATURE GPU 0 chain signatures');
  });

  it('before its certificates, and while its RIMs are out of date', () => {
    expect(authenticated(whole, '2019-01-01').failed).toEqual(['EXPIRED GPU 0 chain validity']);
    const collateral = collateralOf(wholeRims);
    const ids = hopper('545.00', '1010_0200_882_96005E0001');
    for (const at of ['2023-01-01', '2025-07-01']) {
      expect(authenticated(whole, at, { collateral }).failed).toEqual(
        ids.map((id) => `COLLATERAL-INVALID RIM ${id} validity`),
      );
    }
    expect(authenticated(whole, AT, { collateral, roots: { ...VENDOR_ROOTS, 'nvidia-rim': [] } }).failed).toEqual(
      ids.map((id) => `COLLATERAL-INVALID RIM ${id} root`),
    );
  });

  it('when its wrapper contradicts it', () => {
    const [device] = JSON.parse(vectorText(nvidiaPath('ppcie:gpu_evidence.json'))) as [Record<string, string>];
    for (const change of [
      { nonce: '00'.repeat(32) },
      { arch: 'BLACKWELL' },
      { driver_version: '1.0' },
      { vbios_version: '1' },
    ]) {
      const bytes = Buffer.from(JSON.stringify([{ ...device, ...change }]));
      expect(authenticated(bytes, AT).failed).toEqual(['MISMATCH GPU 0 wrapper']);
    }
  });

  it('when a RIM or an OCSP answer cannot be read', () => {
    const items: CollateralItem[] = [
      { kind: 'rim', text: '<x/>' },
      { kind: 'ocsp-response', der: Buffer.of(5, 0) },
    ];
    const { failed } = authenticated(whole, AT, { collateral: [...items, ...collateralOf(wholeRims)] });
    expect(failed).toEqual(['COLLATERAL-INVALID collateral', 'COLLATERAL-INVALID collateral']);
  });
});

interface Oracle {
  readonly Nonce: string;
  readonly NumberOfBlocks: number;
  readonly MeasurementRecordLength: number;
  readonly OpaqueLength: number;
  readonly Signature: string;
  readonly MeasurementRecord: {
    readonly MeasurementBlocks: Readonly<Record<string, { readonly DMTFSpecMeasurementValue: string }>>;
  };
  readonly OpaqueData: { readonly OpaqueDataField: Readonly<Record<string, unknown>> };
}

describe.skipIf(evidenceVectorsAbsent)('the parts of a report, as other parsers have them', () => {
  it.each([
    ['unit:hopperAttestationReport.txt', 'unit:spdm_parsed_output.json', 'unit:spdm_req_parsed_output.json'],
    [
      'unit:switchAttestationReport.txt',
      'unit:switch_spdm_parsed_output.json',
      'unit:switch_spdm_req_parsed_output.json',
    ],
  ])('%s (attestation SDK)', (file, response, request) => {
    const oracle = JSON.parse(vectorText(nvidiaPath(response))) as Oracle;
    const asked = JSON.parse(vectorText(nvidiaPath(request))) as { Nonce: string };
    const { report, identity } = readGpuEvidence(joined(file)).devices[0] ?? { report: null, identity: null };
    if (report === null) throw new Error('no device');
    expect(`0x${toHex(report.requestNonce)}`).toBe(asked.Nonce);
    expect(`0x${toHex(report.responseNonce)}`).toBe(oracle.Nonce);
    expect(`0x${toHex(report.signature)}`).toBe(oracle.Signature);
    expect(report.blocks).toHaveLength(oracle.NumberOfBlocks);
    expect(report.offsets.signature - report.offsets.opaque).toBe(oracle.OpaqueLength);
    const values = Object.fromEntries(report.blocks.map(({ index, value }) => [index, `0x${toHex(value)}`]));
    const wanted = Object.entries(oracle.MeasurementRecord.MeasurementBlocks);
    expect(values).toEqual(Object.fromEntries(wanted.map(([index, block]) => [index, block.DMTFSpecMeasurementValue])));
    const opaque = report.opaque.map(({ data }) => `0x${toHex(data)}`);
    const stated = Object.values(oracle.OpaqueData.OpaqueDataField).filter((value) => typeof value === 'string');
    expect(opaque).toEqual(expect.arrayContaining(stated));
    const linked = (oracle.OpaqueData.OpaqueDataField['OPAQUE_FIELD_ID_SWITCH_GPU_PDIS'] ?? []) as string[];
    const reversed = linked.map((pdi) => toHex((fromHex(pdi.slice(2)) ?? new Uint8Array()).reverse()));
    expect(identity.linked).toEqual([...new Set(reversed)].sort());
  });

  it('trustee:hopperAttestationReport.txt (Trustee)', () => {
    const oracle = JSON.parse(vectorText(nvidiaPath('trustee:hopperAttestationReport-claims.txt'))) as {
      readonly config: Readonly<Record<string, string>>;
      readonly measurements: Readonly<Record<string, string>>;
    };
    const [device] = readGpuEvidence(joined('trustee:hopperAttestationReport.txt')).devices;
    expect(device?.identity.driverVersion).toBe(oracle.config['driver_version']);
    expect(device?.identity.vbiosVersion.toLowerCase()).toBe(oracle.config['vbios_version']);
    expect(toHex(device?.identity.fwid ?? new Uint8Array())).toBe(oracle.config['fwid']);
    const { project, project_sku, chip_sku } = oracle.config;
    expect(device?.identity.project).toBe(`${project ?? ''}_${project_sku ?? ''}_${chip_sku ?? ''}`);
    const values = device?.report.blocks.map(({ index, value }) => [String(index), toHex(value)]) ?? [];
    expect(Object.fromEntries(values)).toEqual(oracle.measurements);
  });
});
