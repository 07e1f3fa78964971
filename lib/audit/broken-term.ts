import { contractEvidencePolicy } from '../attestation/hardware-verifier.ts';
import type { StudyContract } from '../contract/study-contract.ts';
import { brokenPromise } from '../privacy/mechanism.ts';

/**
 * What a well-formed contract still promises in vain: noise that does not give its ε, or a policy for evidence that
 * cannot be read or lets anything pass. Null: nothing. Every party asks before it works under a contract.
 */
export function brokenTerm(contract: StudyContract): string | null {
  const broken = brokenPromise(contract);
  if (broken !== null) return broken;
  for (const policy of [contract.appraisal.enclave, contract.appraisal.site]) {
    if (policy.evidence === null) continue;
    const read = contractEvidencePolicy(policy);
    if (!read.ok) return read.error.detail;
  }
  return null;
}
