import type { Attester } from '../../lib/attestation/attester.ts';
import type { Role } from '../../lib/attestation/claims.ts';
import type { Collateral } from '../../lib/attestation/collateral/collateral.ts';
import { encodeEvidence, type Platform } from '../../lib/attestation/evidence.ts';
import { hardwareVerifiers } from '../../lib/attestation/hardware-verifier.ts';
import { ReportData } from '../../lib/attestation/report-data.ts';
import { POLICY_FORMAT } from '../../lib/attestation/policy/policy.ts';
import type { VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import type { Appraisal } from '../../lib/channel/evidence-exchange.ts';
import type { AppraisalPolicy, PolicyDocument } from '../../lib/contract/appraisal-policy.ts';
import {
  amdAuthority,
  amdList,
  chipKey,
  collateralOf,
  REPORT,
  rootsOf,
  snpReport,
  type ReportParts,
} from '../authorities/amd-authority.ts';
import { intelAuthority, intelCollateral, tdxQuote, type TdParts } from '../authorities/intel-authority.ts';
import { FakeClock } from '../unit/channel/fake-clock.ts';
import { SimulatedStudy } from '../unit/channel/simulated-session.ts';

const AT = Date.parse('2026-06-01T00:00:00Z');

/** Vendors that really sign, under roots of their own: what they make passes every check but the pinned fingerprint. */
export const intel = intelAuthority();
export const amd = amdAuthority('genoa');
export const chip = chipKey({ authority: amd });
export const ROOTS: VendorRoots = { ...rootsOf(amd), intel: intel.roots.intel };
export const COLLATERAL: Collateral = [
  ...intelCollateral(intel, 'tdx'),
  ...collateralOf(amd.ark, amd.ask, chip),
  amdList(amd.ark),
];

export const ENCLAVE_POLICY: PolicyDocument = { format: POLICY_FORMAT, tdx: { mrTds: ['7d'.repeat(48)] } };
export const SITE_POLICY: PolicyDocument = { format: POLICY_FORMAT, 'sev-snp': { measurements: [REPORT.measurement] } };

const policyOf = (platform: Platform, evidence: PolicyDocument): AppraisalPolicy => ({
  platforms: [platform],
  measurements: [],
  instances: null,
  minSvn: 0,
  evidence,
});

/** Evidence of `platform` from `make`, which signs the report data that it is given. */
export const attesterOf = (platform: Platform, make: (reportData: Uint8Array) => Uint8Array): Attester => ({
  attest: async (reportData) => encodeEvidence({ platform, bytes: make(ReportData.bytesOf(reportData)) }),
});

export interface Machines {
  readonly td?: Partial<TdParts>;
  readonly report?: ReportParts;
  readonly attesters?: Partial<Record<Role, Attester>>;
  readonly policies?: Partial<Record<Role, PolicyDocument>>;
  readonly collateral?: Collateral;
  readonly newestSignedMs?: number;
  readonly roots?: VendorRoots;
}

/** The session tests' study on real verification code: the enclave on TDX, the hospital on SEV-SNP. */
export class HardwareStudy extends SimulatedStudy {
  override readonly clock = new FakeClock(AT);
  readonly machines: Machines;

  constructor(machines: Machines = {}) {
    super();
    this.machines = machines;
  }

  override attester(role: Role): Attester {
    const { attesters = {}, td, report } = this.machines;
    const own =
      role === 'enclave'
        ? attesterOf('tdx', (reportData) => tdxQuote(intel, { ...td, reportData }))
        : attesterOf('sev-snp', (reportData) => snpReport(chip, { ...report, reportData }));
    return attesters[role] ?? own;
  }

  override policy(role: Role): AppraisalPolicy {
    const { policies = {} } = this.machines;
    return role === 'enclave'
      ? policyOf('tdx', policies.enclave ?? ENCLAVE_POLICY)
      : policyOf('sev-snp', policies.site ?? SITE_POLICY);
  }

  override appraisalOf(role: Role): Appraisal {
    const { collateral = COLLATERAL, newestSignedMs = 0, roots = ROOTS } = this.machines;
    const source = { current: () => collateral, newestSignedMs: () => newestSignedMs };
    return {
      registry: verifierRegistry(hardwareVerifiers({ collateral: source, roots })),
      policy: this.policy(role),
      environment: 'production',
    };
  }
}
