import type { Authentication, AuthenticationInputs } from '../../../lib/attestation/authentication.ts';
import { readCollateral } from '../../../lib/attestation/collateral/read-collateral.ts';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import type { NvidiaGpuClaims } from '../../../lib/attestation/nvidia-gpu/nvidia-claims.ts';
import { nvidiaGpu } from '../../../lib/attestation/nvidia-gpu/nvidia-gpu.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { vectorBytes, vectorText } from './evidence-vectors.ts';

const SDK = 'nvidia/NVIDIA+attestation-sdk';
const UNIT = `${SDK}/nv-attestation-sdk-cpp/unit-tests/testdata`;
const NVTRUST = 'nvidia/NVIDIA+nvtrust/guest_tools';

/** Folders of the vectors, by the name that the tables use before a colon. */
const FOLDERS: Readonly<Record<string, string>> = {
  unit: UNIT,
  sample: `${UNIT}/sample_attestation_data`,
  rims: `${UNIT}/sample_rims`,
  json: `${SDK}/common-test-data/serialized_test_evidence`,
  nvtrust: `${NVTRUST}/gpu_verifiers/local_gpu_verifier/src/verifier/samples`,
  ppcie: `${NVTRUST}/ppcie-verifier-sdk-cpp/tests/data`,
  go: 'nvidia/confidentsecurity+go-nvtrust/pkg/gonvtrust/mocks',
  trustee: 'nvidia/confidential-containers+trustee/deps/verifier/test_data/nvidia',
  veraison: 'nvidia/veraison+services/scheme/nvidia/testdata',
};

/** `go:attestationReport.txt` as a path of the vector folder. */
export function nvidiaPath(name: string): string {
  const [folder = '', file = ''] = name.split(':');
  return `${FOLDERS[folder] ?? ''}/${file}`;
}

/** Text of several files, one below the other: a report and its chain. */
export const joined = (...names: string[]): Uint8Array =>
  Buffer.from(names.map((name) => vectorText(nvidiaPath(name))).join('\n'));

export const collateralOf = (names: readonly string[]): Collateral =>
  names.flatMap((name) => {
    const items = readCollateral(vectorBytes(nvidiaPath(name)), name);
    if (!items.ok) throw new Error(items.error.detail);
    return items.value;
  });

export interface Outcome extends Authentication<NvidiaGpuClaims> {
  /** `CODE name` without E-ATTEST-. */
  readonly failed: readonly string[];
  readonly missing: readonly string[];
}

/** Parses and authenticates; throws what is malformed. */
export function authenticated(bytes: Uint8Array, at: string, inputs: Partial<AuthenticationInputs> = {}): Outcome {
  const parsed = nvidiaGpu.parse(bytes);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const result = nvidiaGpu.authenticate(parsed.value, {
    at: Date.parse(at),
    roots: VENDOR_ROOTS,
    collateral: [],
    revocation: 'accept-absent',
    ...inputs,
  });
  const bad = result.checks.filter(({ passed }) => !passed);
  return {
    ...result,
    failed: bad.filter(({ missing }) => missing !== true).map(({ code, name }) => `${code.slice(9)} ${name}`),
    missing: bad.filter(({ missing }) => missing === true).map(({ name }) => name),
  };
}
