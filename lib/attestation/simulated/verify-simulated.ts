import { appraise, environmentCheck } from '../appraise.ts';
import { attestationResult, failedCheck, type AttestationResult } from '../attestation-result.ts';
import type { EvidenceVerifier, Expectation } from '../verifier.ts';
import { authenticateSimulated, type SimulatedAnchors } from './authenticate-simulated.ts';
import { parseSimulated } from './simulated-evidence.ts';

/**
 * parse → authenticate → appraise of simulated evidence, which protects nothing. Affirming only under a contract
 * with `environment: simulation`. Claims that are not authentic are not appraised; the environment is, always.
 */
export function verifySimulated(
  evidence: Uint8Array,
  anchors: SimulatedAnchors,
  expectation: Expectation,
): AttestationResult {
  const { at, environment, policy } = expectation;
  const verdict = { platform: 'simulated', simulated: true, at } as const;
  const refusedEarly = environmentCheck(true, environment);
  const parsed = parseSimulated(evidence);
  if (!parsed.ok) {
    return attestationResult({ ...verdict, checks: [failedCheck(parsed.error, 'parse'), refusedEarly] });
  }
  const { claims, checks } = authenticateSimulated(parsed.value, anchors, at);
  if (claims === null) return attestationResult({ ...verdict, checks: [...checks, refusedEarly] });
  return attestationResult({ ...verdict, claims, checks: [...checks, ...appraise(claims, policy, expectation)] });
}

/** For the registry of a program that was started for simulation. */
export const simulatedVerifier = (anchors: SimulatedAnchors): EvidenceVerifier => ({
  platform: 'simulated',
  verify: (evidence, expectation) => verifySimulated(evidence, anchors, expectation),
});
