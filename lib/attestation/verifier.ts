import type { AppraisalPolicy } from '../contract/appraisal-policy.ts';
import type { Instant } from '../core/ids.ts';
import { environmentCheck, type AppraisalContext } from './appraise.ts';
import { attestationResult, failedCheck, type AttestationResult } from './attestation-result.ts';
import type { Collateral } from './collateral/collateral.ts';
import { decodeEvidence, type Platform } from './evidence.ts';

export interface Expectation extends AppraisalContext {
  readonly policy: AppraisalPolicy;
  /** Time of the appraisal: certificates must be valid then. */
  readonly at: Instant;
  /** True: `at` is when the evidence was published, and counts as it is; else it is now, and time never runs back. */
  readonly past?: true;
  /** What devices beside the processor showed, and the nonce of this attestation that theirs derive from. */
  readonly devices?: { readonly nonce: Uint8Array; readonly evidence: readonly Uint8Array[] };
  /** Collateral that came with the evidence, as untrusted as any; used beside the verifier's own. */
  readonly endorsements?: Collateral;
}

/** parse → authenticate → appraise for one platform, with its trust anchors inside. Total on hostile bytes. */
export interface EvidenceVerifier {
  readonly platform: Platform;
  /** `evidence`: the platform's own bytes, out of the envelope. */
  verify(evidence: Uint8Array, expectation: Expectation): AttestationResult;
}

/** The platforms that one program knows; its entry point composes them. */
export interface VerifierRegistry {
  /** `envelope`: an encoded Evidence, as received. Total. */
  verify(envelope: Uint8Array, expectation: Expectation): AttestationResult;
}

/**
 * A platform that is not among `verifiers` is E-ATTEST-PLATFORM. Simulated evidence is E-ATTEST-SIMULATED in a
 * program without the simulated verifier, and under a production contract whatever the program (PROTOCOL §5).
 */
export function verifierRegistry(verifiers: readonly EvidenceVerifier[]): VerifierRegistry {
  const known = new Map(verifiers.map((verifier) => [verifier.platform, verifier]));
  if (known.size !== verifiers.length) throw new RangeError('two verifiers for one platform');
  return {
    verify(envelope, expectation) {
      const { at, environment, policy } = expectation;
      const evidence = decodeEvidence(envelope);
      if (!evidence.ok) {
        return attestationResult({
          platform: null,
          simulated: false,
          at,
          checks: [failedCheck(evidence.error, 'envelope')],
        });
      }
      const { platform, bytes } = evidence.value;
      const verifier = known.get(platform);
      if (verifier !== undefined) return verifier.verify(bytes, expectation);
      const simulated = platform === 'simulated';
      const unknown = {
        name: 'verifier',
        code: simulated ? 'E-ATTEST-SIMULATED' : 'E-ATTEST-PLATFORM',
        passed: false,
        got: platform,
        want: `one of ${[...known.keys()].join(', ') || 'no platform at all'}`,
      } as const;
      const listed = {
        name: 'platform',
        code: 'E-ATTEST-PLATFORM',
        passed: policy.platforms.includes(platform),
        got: platform,
        want: `one of ${policy.platforms.join(', ')}`,
      } as const;
      return attestationResult({
        platform,
        simulated,
        at,
        checks: [unknown, environmentCheck(simulated, environment), listed],
      });
    },
  };
}
