import { describe, expect, test } from 'vitest';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import type { EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import { POLICY_FORMAT, readPolicy } from '../../../lib/attestation/policy/policy.ts';
import type { VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import { verifyEvidence } from '../../../lib/attestation/verify-evidence.ts';
import {
  AMD_AT,
  amdAuthority,
  amdList,
  certificateTable,
  chipKey,
  collateralOf,
  rootsOf,
  snpReport,
  TABLE_GUID,
} from '../../authorities/amd-authority.ts';
import {
  intelAuthority,
  intelCollateral,
  intelList,
  qeIdentity,
  sgxQuote,
  tcbInfo,
} from '../../authorities/intel-authority.ts';
import { AT as NVIDIA_AT, evidenceOf, nvidiaAuthority } from '../../authorities/nvidia-authority.ts';

const DAY_MS = 86_400_000;

interface Judged {
  readonly format: EvidenceFormat;
  readonly bytes: Uint8Array;
  readonly collateral: Collateral;
  readonly at: number;
  readonly roots: VendorRoots;
}

/** The outcome where collateral may be `days` old. */
function within(days: number, { format, ...inputs }: Judged): string {
  const policy = readPolicy({
    format: POLICY_FORMAT,
    platforms: [format],
    anyProgram: true,
    maxCollateralAgeDays: days,
  });
  if (!policy.ok) throw new Error(policy.error.map(({ detail }) => detail).join());
  const { outcome, checks } = verifyEvidence({ format, ...inputs, policy: policy.value });
  const failed = checks.filter(({ passed }) => !passed).map(({ name }) => name);
  return [outcome, ...failed].join(', ');
}

const TOO_OLD = 'refused, collateral age';

describe('collateral that is older than the policy allows', () => {
  const intel = intelAuthority();
  const at = intel.at.getTime();
  const bytes = sgxQuote(intel);
  const old = intelCollateral(intel, 'sgx');
  const sgx = { format: 'sgx', bytes, at, roots: intel.roots } as const;

  test('is refused, also where forgeries of today stand beside it', () => {
    const other = intelAuthority();
    const today = new Date(at - DAY_MS);
    const issueDate = `${today.toISOString().slice(0, 19)}Z`;
    const forged = [
      intelList(intel, other.ca, { thisUpdate: today }),
      intelList(intel, other.root, { thisUpdate: today }),
      tcbInfo(other, { overrides: { issueDate } }),
      qeIdentity(other, { overrides: { issueDate } }),
    ];
    expect(within(31, { ...sgx, collateral: old })).toBe('affirming');
    expect(within(10, { ...sgx, collateral: old })).toBe(TOO_OLD);
    expect(within(10, { ...sgx, collateral: [...old, ...forged] })).toBe(TOO_OLD);
    expect(within(31, { ...sgx, collateral: [...old, ...forged] })).toBe('affirming');
  });

  test("is refused in a host's table of certificates", () => {
    const amd = amdAuthority('genoa');
    const vcek = chipKey({ authority: amd });
    const list = amdList(amd.ark);
    const report = snpReport(vcek);
    const table = certificateTable('der' in list ? [[TABLE_GUID.CRL, list.der]] : []);
    const certificates = collateralOf(vcek, amd.ask, amd.ark);
    const snp = { format: 'sev-snp', at: AMD_AT, roots: rootsOf(amd) } as const;
    for (const one of [
      { ...snp, bytes: report, collateral: [...certificates, list] },
      { ...snp, bytes: Buffer.concat([report, table]), collateral: certificates },
      { ...snp, bytes: Buffer.concat([report, table]), collateral: [...certificates, list] },
    ]) {
      expect(within(13, one)).toBe('affirming');
      expect(within(10, one)).toBe(TOO_OLD);
    }
  });

  test('is refused in OCSP answers', () => {
    const nvidia = nvidiaAuthority();
    const gpu = nvidia.gpu();
    const answers = { bytes: evidenceOf(gpu), collateral: [...nvidia.rims(), ...nvidia.answers(gpu)] };
    const later = { format: 'nvidia-gpu', at: NVIDIA_AT, roots: nvidia.roots, ...answers } as const;
    expect(within(10, later)).toBe('affirming');
    const week = { ...later, at: NVIDIA_AT + 2 * DAY_MS };
    expect(within(10, week)).toBe('affirming');
    expect(within(1, week)).toBe(TOO_OLD);
  });
});
