import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPolicyFile } from '../../../cli/setup/attestation-policy.ts';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import type { EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import { readEvidenceFile } from '../../../lib/attestation/read-evidence.ts';
import { verifyEvidence, type Outcome } from '../../../lib/attestation/verify-evidence.ts';
import { collateralOf } from './dcap-vectors.ts';
import { evidenceVectorsAbsent, vectorBytes } from './evidence-vectors.ts';

const PHALA = 'Phala-Network+dcap-qvl/sample';
const MICROSOFT = 'sev-snp/microsoft+TEE-Attestation-Verification/tests/test_data';
const KDS = 'roots/confidential-dot-ai+attestation-rs/crates/attestation/certs/amd/genoa';
const GPU = 'nvidia/confidentsecurity+go-nvtrust/pkg/gonvtrust/mocks';
const RIMS = 'nvidia/NVIDIA+nvtrust/guest_tools/gpu_verifiers/local_gpu_verifier/src/verifier/samples';

/** The worked examples of docs/attestation.md: evidence, what is given with it, the moment, the verdict, what fails. */
const examples: readonly (readonly [EvidenceFormat, string, readonly string[], string, Outcome, readonly string[]])[] =
  [
    ['nitro', 'extracted/nitro/dstack/dstack-prod.cbor', [], '2025-12-25T16:04:19Z', 'affirming', []],
    [
      'sgx',
      `sgx/${PHALA}/sgx_quote`,
      [`sgx/${PHALA}/sgx_quote_collateral.json`],
      '2025-07-01T00:00:00Z',
      'affirming',
      [],
    ],
    [
      'tdx',
      `tdx/${PHALA}/tdx_quote`,
      [`tdx/${PHALA}/tdx_quote_collateral.json`],
      '2025-07-01T00:00:00Z',
      'affirming',
      [],
    ],
    [
      'dstack',
      'tdx/Dstack-TEE+dstack/dstack/verifier/fixtures/quote-report.json',
      [`tdx/${PHALA}/tdx_quote_outdated_collateral.json`],
      '2026-02-20T12:00:00Z',
      'affirming',
      [],
    ],
    [
      'sev-snp',
      `${MICROSOFT}/genoa_attestation_report.bin`,
      [`${MICROSOFT}/genoa_vcek.pem`, `${KDS}/ask.der`, `${KDS}/ark.der`],
      '2026-07-01T00:00:00Z',
      'inconclusive',
      ['E-ATTEST-COLLATERAL revocation list'],
    ],
    [
      'azure',
      'azure/confidential-containers+trustee/deps/verifier/test_data/az-snp-vtpm/evidence-genoa.json',
      [`${KDS}/ask.der`, `${KDS}/ark.der`],
      '2026-02-20T00:00:00Z',
      'affirming',
      [],
    ],
    [
      'nvidia-gpu',
      `${GPU}/attestationReport.txt`,
      [
        `${GPU}/gpuAkCertChain.txt`,
        `${RIMS}/Driver_RIM_test_no_gpu.swidtag`,
        `${RIMS}/1010_0200_882_96005E0001_test_no_gpu.swidtag`,
      ],
      '2025-01-01T00:00:00Z',
      'refused',
      ['E-ATTEST-POLICY GPU 0 firmware id'],
    ],
  ];

describe.skipIf(evidenceVectorsAbsent)('the example policies', () => {
  it.each(examples)('%s', async (format, file, given, at, outcome, failures) => {
    const policy = await readPolicyFile(join(import.meta.dirname, `../../../examples/policies/${format}.yaml`));
    const evidence = readEvidenceFile(vectorBytes(file));
    if (!evidence.ok) throw new Error(evidence.error.detail);
    const collateral: Collateral = [...evidence.value.collateral, ...given.flatMap((path) => collateralOf(path))];
    const verdict = verifyEvidence({
      format: 'auto',
      bytes: evidence.value.bytes,
      collateral,
      at: Date.parse(at),
      policy,
    });
    const failed = verdict.checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code} ${name}`);
    expect([verdict.format, verdict.outcome, failed]).toEqual([format, outcome, failures]);
  });
});
