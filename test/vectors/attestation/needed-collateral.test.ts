import { describe, expect, it } from 'vitest';
import { requestText } from '../../../lib/attestation/collateral-fetch/collateral-request.ts';
import { neededCollateral } from '../../../lib/attestation/collateral-fetch/needed-collateral.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles } from './evidence-vectors.ts';

const FOLDERS = ['tdx', 'sgx', 'sev-snp', 'azure', 'nvidia', 'nitro', 'extracted'];
const files = FOLDERS.flatMap((folder) => vectorFiles(folder));
const intel = (tee: string, fmspc: string, authority: string): string[] => [
  `TCB info of ${tee} FMSPC ${fmspc}`,
  `QE identity of ${tee}`,
  `revocation list of the PCK ${authority} CA`,
  'revocation list of the Intel SGX Root CA',
];
const amd = (product: string, chip: string): string[] => [
  `VCEK authorities of ${product}`,
  `revocation list of ARK-${product}`,
  `VCEK of ${product} chip ${chip}`,
];

describe.skipIf(evidenceVectorsAbsent)('what real evidence needs', () => {
  it.each<[string, readonly string[]]>([
    ['dcap-qvl/sample/tdx_quote', intel('TDX', 'b0c06f000000', 'platform')],
    ['dcap-qvl/sample/sgx_quote', intel('SGX', '00a067110000', 'processor')],
    ['az-tdx-vtpm/evidence-v1.json', intel('TDX', '00806f050000', 'platform')],
    ['tests/test_data/milan_attestation_report.bin', amd('Milan', '4ffb5cb4fd594f3f… at 04000000000018db')],
    ['tests/test_data/turin_attestation_report.bin', amd('Turin', '59790fb1c39f35c1… at 0101010400000051')],
    ['extracted/sev-snp/veraison/outblob.bin', amd('Genoa', '7b1584c94c7a4261… at 0a00000000001754')],
    ['az-snp-vtpm/evidence-v2.json', amd('Milan', '2e0e62a0e6f39bc4… at 04000000000018db')],
    ['deps/verifier/test_data/snp/test-vlek-report.bin', ['VLEK authorities of Milan', 'revocation list of ARK-Milan']],
    [
      'serialized_test_evidence/hopper_evidence.json',
      [
        'RIM NV_GPU_DRIVER_GH100_590.12',
        'RIM NV_GPU_VBIOS_G520_0200_885_9600A50001',
        'OCSP answer about GH100 A01 GSP BROM 412921ce551e4eeda3',
        'OCSP answer about NVIDIA GH100 Provisioner ICA 1 6afe7184f92232c8df7b242261776e56',
        'OCSP answer about NVIDIA GH100 Identity 4c255ede3bd001bf3f4a3b605fca898a',
      ],
    ],
    ['/dstack-prod.cbor', []],
  ])('%s', (name, wanted) => {
    const path = files.find((file) => file.endsWith(name));
    const needed = neededCollateral(vectorBytes(path ?? ''));
    expect(needed.ok ? needed.value.map(requestText) : needed.error).toEqual(wanted);
  });

  it('is not guessed where a report does not name its chip', () => {
    const bare = files.find((file) => file.endsWith('go-nvtrust/pkg/gonvtrust/mocks/attestationReport.txt'));
    expect(neededCollateral(vectorBytes(bare ?? ''))).toMatchObject({ error: { code: 'E-ATTEST-COLLATERAL' } });
  });

  it('is told or refused for every file of the folder, without a throw', () => {
    const codes = files.map((file) => {
      const needed = neededCollateral(vectorBytes(file));
      return needed.ok ? 'told' : needed.error.code;
    });
    expect(new Set(codes)).toEqual(new Set(['told', 'E-ATTEST-COLLATERAL', 'E-ATTEST-MALFORMED']));
  });
});
