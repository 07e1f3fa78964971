import { err, type Result } from '../core/result.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { utf8 } from '../core/bytes.ts';
import { hash } from '../core/hash.ts';
import { instant, type Digest } from '../core/ids.ts';
import type { AppraisalPolicy, PolicyDocument } from '../contract/appraisal-policy.ts';
import { attestationResult, failedCheck, type AttestationResult, type Check } from './attestation-result.ts';
import type { AuthenticationInputs } from './authentication.ts';
import type { Claims } from './claims.ts';
import type { Collateral } from './collateral/collateral.ts';
import { issuedAt } from './collateral/issued-at.ts';
import type { EvidenceClaims } from './evidence-claims.ts';
import { authenticateComposite } from './composite/composite-evidence.ts';
import { nvidiaGpu } from './nvidia-gpu/nvidia-gpu.ts';
import type { SectionValues } from './policy/policy-section.ts';
import { readPolicy, type Policy } from './policy/policy.ts';
import { VENDOR_ROOTS, type VendorRoots } from './trust/vendor-roots.ts';
import type { EvidenceVerifier, Expectation } from './verifier.ts';
import { verifyEvidence } from './verify-evidence.ts';

/**
 * Platforms of real hardware that a program of ours can run on. Azure is not among them: its evidence carries a nonce of
 * 64 bytes at most and no report data of ours, and nothing here asks its TPM; files of it are verified all the same.
 */
export const HARDWARE_PLATFORMS = ['nitro', 'sgx', 'tdx', 'sev-snp', 'dstack'] as const;
export type HardwarePlatform = (typeof HARDWARE_PLATFORMS)[number];

/** Endorsements as this party holds them; whatever is in them is checked each time it is used. */
export interface CollateralSource {
  current(): Collateral;
  /** Newest time that a vendor signed and that was verified here, in milliseconds since 1970; 0: none yet. */
  newestSignedMs(): number;
}

export interface HardwareTrust {
  readonly collateral: CollateralSource;
  /** Other roots than the vendors' exist in tests only. */
  readonly roots?: VendorRoots;
}

/** The verifiers of every real platform, for the registry of a production program. */
export const hardwareVerifiers = (trust: HardwareTrust): EvidenceVerifier[] =>
  HARDWARE_PLATFORMS.map((platform) => ({
    platform,
    verify: (evidence, expectation) => verifyHardware(platform, evidence, trust, expectation),
  }));

/**
 * parse → authenticate → appraise under the contract's policy document, for the report data of this session. Time
 * never runs backwards past what a vendor signed (PROTOCOL §2.6): a frozen clock makes nothing valid again. Published
 * evidence is looked at as of then.
 */
function verifyHardware(
  platform: HardwarePlatform,
  evidence: Uint8Array,
  { collateral, roots = VENDOR_ROOTS }: HardwareTrust,
  expectation: Expectation,
): AttestationResult {
  const past = expectation.past === true;
  const at = past ? expectation.at : instant(Math.max(expectation.at, collateral.newestSignedMs()));
  const policy = contractEvidencePolicy(expectation.policy);
  const base = { platform, simulated: false, at } as const;
  if (!policy.ok) return attestationResult({ ...base, checks: [failedCheck(policy.error, 'policy')] });
  const listed = expectation.policy.platforms.includes(platform);
  const own = collateral.current();
  // What was issued later says nothing about then, and would only be refused as coming from the future.
  const ofThen = past ? own.filter((item) => (issuedAt(item) ?? 0) <= at) : own;
  const given = [...ofThen, ...(expectation.endorsements ?? [])];
  const verdict = verifyEvidence({
    format: platform,
    bytes: evidence,
    collateral: given,
    at,
    roots,
    policy: policy.value,
    expected: { reportData: expectation.reportData },
  });
  return attestationResult({
    ...base,
    claims: verdict.claims === null ? null : sessionClaims(platform, verdict.claims),
    checks: [
      {
        name: 'platform of the contract',
        code: 'E-ATTEST-PLATFORM',
        passed: listed,
        got: platform,
        want: `one of ${expectation.policy.platforms.join(', ')}`,
      },
      ...verdict.checks,
      ...deviceChecks(verdict.claims, policy.value, expectation, {
        at,
        roots,
        collateral: given,
        revocation: policy.value.revocation,
      }),
    ],
  });
}

/**
 * Devices beside the processor, where the policy wants them and this is a session (publication evidence is of the
 * processor alone). Their digest is in the binder, so that the report data of the processor covers them.
 */
function deviceChecks(
  processor: EvidenceClaims | null,
  policy: Policy,
  { devices, reportData }: Expectation,
  inputs: AuthenticationInputs,
): readonly Check[] {
  if (devices === undefined || !policy.platforms.includes('nvidia-gpu')) return [];
  const rules = policy.sections['nvidia-gpu'] as SectionValues<typeof nvidiaGpu.policy.keys>;
  const composite = authenticateComposite(
    { processor: { claims: processor, checks: [] }, devices: devices.evidence },
    { nonce: devices.nonce, gpus: rules.gpus ?? 0, reportData: () => reportData },
    inputs,
  );
  if (!composite.ok) return [failedCheck(composite.error, 'devices')];
  const { claims, checks } = composite.value;
  const attached = claims?.devices ?? null;
  return attached === null ? checks : [...checks, ...nvidiaGpu.appraise(attached, rules, inputs.at)];
}

/** One digest for all registers of a program: what statements name, and what `Claims.measurement` holds. */
export function platformMeasurement({ format, measurements }: Pick<EvidenceClaims, 'format' | 'measurements'>): Digest {
  const registers = Object.entries(measurements).sort(([a], [b]) => (a < b ? -1 : 1));
  return hash('platform-measurement', utf8(format), ...registers.flatMap(([name, value]) => [utf8(name), utf8(value)]));
}

function sessionClaims(platform: HardwarePlatform, claims: EvidenceClaims): Claims {
  return {
    platform,
    simulated: false,
    measurement: platformMeasurement(claims),
    instance: claims.instance ?? 'not told',
    debug: claims.debug,
    svn: 0,
    role: null,
    reportData: claims.reportData ?? new Uint8Array(),
    issuedAt: claims.issuedAt === null ? null : instant(claims.issuedAt),
  };
}

const READ = new WeakMap<PolicyDocument, Result<Policy, Refusal>>();

/**
 * The policy document of a contract, read once. E-CONTRACT-INVALID: none, not in the policy language, or one that
 * lets any program pass or programs that can be read from outside: hospitals do not sign that.
 */
export function contractEvidencePolicy({ evidence }: AppraisalPolicy): Result<Policy, Refusal> {
  if (evidence === null)
    return err(refusal('E-CONTRACT-INVALID', 'appraisal: no policy for evidence of real hardware'));
  const known = READ.get(evidence);
  if (known !== undefined) return known;
  const policy = readContractPolicy(evidence);
  READ.set(evidence, policy);
  return policy;
}

function readContractPolicy(document: PolicyDocument): Result<Policy, Refusal> {
  const policy = readPolicy(document);
  if (!policy.ok) {
    const faults = policy.error.map(({ detail }) => detail).join('; ');
    return err(refusal('E-CONTRACT-INVALID', `appraisal: ${faults}`));
  }
  if (policy.value.anyProgram) return err(refusal('E-CONTRACT-INVALID', 'appraisal: anyProgram: not in a contract'));
  const { gpus } = policy.value.sections['nvidia-gpu'] as SectionValues<typeof nvidiaGpu.policy.keys>;
  if (policy.value.platforms.includes('nvidia-gpu') && gpus === null)
    return err(refusal('E-CONTRACT-INVALID', 'appraisal: nvidia-gpu.gpus: a contract says how many there must be'));
  if (policy.value.simulation)
    return err(refusal('E-CONTRACT-INVALID', 'appraisal: simulation: not with real hardware'));
  return policy;
}
