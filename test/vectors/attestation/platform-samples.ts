import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import type { EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import {
  AMD_AT,
  amdAuthority,
  amdList,
  chipKey,
  collateralOf as amdCollateral,
  rootsOf,
  snpReport,
} from '../../authorities/amd-authority.ts';
import { azureEvidence, newTpmKey } from '../../authorities/azure-authority.ts';
import { intelAuthority, intelCollateral, sgxQuote, tdxQuote } from '../../authorities/intel-authority.ts';
import { nitroAuthority, nitroDocument } from '../../authorities/nitro-authority.ts';
import { AT as NVIDIA_AT, evidenceOf, nvidiaAuthority } from '../../authorities/nvidia-authority.ts';
import { collateralOf, everyIntelItem, quoteBytes } from './dcap-vectors.ts';
import { evidenceVectorsAbsent, vectorBytes } from './evidence-vectors.ts';
import { collateralOf as nvidiaCollateral, joined } from './nvidia-vectors.ts';

/** Evidence with everything that a positive verdict on it needs, apart from revocation data that nobody has. */
export interface PlatformSample {
  readonly name: string;
  readonly format: EvidenceFormat;
  readonly bytes: Uint8Array;
  readonly collateral: Collateral;
  readonly at: number;
  readonly roots: VendorRoots;
}

const PHALA = 'Phala-Network+dcap-qvl/sample';
const MICROSOFT = 'sev-snp/microsoft+TEE-Attestation-Verification/tests/test_data';
const KDS = 'roots/confidential-dot-ai+attestation-rs/crates/attestation/certs/amd';
const TRUSTEE = 'azure/confidential-containers+trustee/deps/verifier/test_data';
const JUNE = Date.parse('2025-06-25T12:00:00Z');
const SUMMER = Date.parse('2026-07-01T00:00:00Z');

/** One or more of each platform from real machines; empty where the vectors are absent. */
export function realSamples(): PlatformSample[] {
  if (evidenceVectorsAbsent) return [];
  const real = { roots: VENDOR_ROOTS };
  const tdx = { ...real, format: 'tdx', bytes: quoteBytes(`tdx/${PHALA}/tdx_quote`), at: JUNE } as const;
  const amd = ['ask', 'ark'].flatMap((name) => collateralOf(`${KDS}/milan/${name}.der`));
  return [
    {
      ...real,
      name: 'sgx',
      format: 'sgx',
      bytes: quoteBytes(`sgx/${PHALA}/sgx_quote`),
      collateral: collateralOf(`sgx/${PHALA}/sgx_quote_collateral.json`),
      at: JUNE,
    },
    { ...tdx, name: 'tdx', collateral: collateralOf(`tdx/${PHALA}/tdx_quote_collateral.json`) },
    { ...tdx, name: 'tdx, full folder', collateral: everyIntelItem() },
    {
      ...real,
      name: 'sev-snp',
      format: 'sev-snp',
      bytes: vectorBytes(`${MICROSOFT}/milan_attestation_report.bin`),
      collateral: [...collateralOf(`${MICROSOFT}/milan_vcek.pem`), ...amd],
      at: SUMMER,
    },
    {
      ...real,
      name: 'nitro',
      format: 'nitro',
      bytes: vectorBytes('extracted/nitro/dstack/dstack-prod.cbor'),
      collateral: [],
      at: Date.parse('2025-12-25T16:04:19.346Z'),
    },
    {
      ...real,
      name: 'nvidia-gpu',
      format: 'nvidia-gpu',
      bytes: joined('go:attestationReport.txt', 'go:gpuAkCertChain.txt'),
      collateral: nvidiaCollateral([
        'nvtrust:Driver_RIM_test_no_gpu.swidtag',
        'nvtrust:1010_0200_882_96005E0001_test_no_gpu.swidtag',
      ]),
      at: Date.parse('2025-01-01T00:00:00Z'),
    },
    {
      ...real,
      name: 'azure on sev-snp',
      format: 'azure',
      bytes: vectorBytes(`${TRUSTEE}/az-snp-vtpm/evidence-v2.json`),
      collateral: amd,
      at: Date.parse('2026-02-20T00:00:00Z'),
    },
    {
      ...real,
      name: 'azure on tdx',
      format: 'azure',
      bytes: vectorBytes(`${TRUSTEE}/az-tdx-vtpm/evidence-v1.json`),
      collateral: everyIntelItem(),
      at: JUNE,
    },
  ];
}

/** One or more of each platform from fake authorities that really sign; with revocation data where vendors have it. */
export function fakeSamples(): PlatformSample[] {
  const intel = intelAuthority();
  const quotes = { at: intel.at.getTime(), roots: intel.roots };
  const tdx = { ...quotes, format: 'tdx', collateral: intelCollateral(intel, 'tdx') } as const;
  const genoa = amdAuthority('genoa');
  const leaf = chipKey({ authority: genoa });
  const amd = {
    collateral: [...amdCollateral(leaf, genoa.ask, genoa.ark), amdList(genoa.ark)],
    at: AMD_AT,
    roots: rootsOf(genoa),
  };
  const aws = nitroAuthority(AMD_AT);
  const nvidia = nvidiaAuthority();
  const gpu = nvidia.gpu();
  return [
    { ...quotes, name: 'sgx', format: 'sgx', bytes: sgxQuote(intel), collateral: intelCollateral(intel, 'sgx') },
    { ...tdx, name: 'tdx', bytes: tdxQuote(intel) },
    { ...tdx, name: 'tdx, version 5', bytes: tdxQuote(intel, {}, { version: 5 }) },
    { ...amd, name: 'sev-snp', format: 'sev-snp', bytes: snpReport(leaf) },
    {
      name: 'nitro',
      format: 'nitro',
      bytes: nitroDocument(aws, { timestamp: AMD_AT }),
      collateral: [],
      at: AMD_AT,
      roots: { ...VENDOR_ROOTS, nitro: [aws.root.fingerprint] },
    },
    {
      name: 'nvidia-gpu',
      format: 'nvidia-gpu',
      bytes: evidenceOf(gpu),
      collateral: [...nvidia.rims(), ...nvidia.answers(gpu)],
      at: NVIDIA_AT,
      roots: nvidia.roots,
    },
    { ...amd, name: 'azure on sev-snp', format: 'azure', bytes: azureEvidence(leaf, newTpmKey()) },
  ];
}
