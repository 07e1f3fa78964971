import type { Decision } from '../../aggregator-enclave/decider.ts';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { signEndorsement } from '../../lib/contract/endorsement.ts';
import { instant, organisationId, type Instant } from '../../lib/core/ids.ts';
import { MemoryStudy, type MemorySite } from '../support/study-in-memory.ts';
import { digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';

/** The refusal, or the statements that were issued (aborts with their reason), or `done`. */
export function told(decision: Decision): string {
  if (!decision.ok) return `${decision.error.code}: ${decision.error.detail}`;
  const issued = decision.value.flatMap((event) =>
    event.type === 'statement-issued' || event.type === 'result-sealed' ? [event.statement.statement] : [],
  );
  return issued.map((s) => (s.type === 'abort' ? `abort ${s.code}` : s.type)).join(', ') || 'done';
}

/** The first round of `contract`, kept as it stands after each step. */
export interface RoundStages {
  readonly begun: MemoryStudy;
  readonly opened: MemoryStudy;
  readonly locked: MemoryStudy;
  readonly uploaded: MemoryStudy;
  readonly announced: MemoryStudy;
}

export function roundStages(): RoundStages {
  const study = new MemoryStudy(testContract());
  const begun = study.fork();
  study.open(1);
  const opened = study.fork();
  study.commit();
  study.lock();
  const locked = study.fork();
  study.upload();
  const uploaded = study.fork();
  study.close();
  return { begun, opened, locked, uploaded, announced: study };
}

export const lockAt = (at: Instant): EnclaveCommand => ({ type: 'lock-cohort', at });
export const close: EnclaveCommand = { type: 'close-collection', at: START, salt: digestOf('salt') };
export const commitOf = (site: MemorySite): EnclaveCommand => {
  const { commit, endorsement } = site.activity('committed');
  return { type: 'receive-commit', at: START, from: site.environment.organisation, commit, endorsement };
};
export const withdrawalOf = ({ sealed }: MemoryStudy, id: string): EnclaveCommand => {
  const organisation = organisationId(id);
  const fields = { contract: sealed.digest, organisation, at: START };
  return { type: 'receive-withdrawal', from: organisation, withdrawal: signWithdrawal(fields, organisationSigner(id)) };
};
export const endorsementOf = (site: MemorySite, expires: number, issued = START): Uint8Array => {
  const { organisation, signer, sealed } = site.environment;
  const fields = {
    organisation,
    bootKey: signer.publicKey,
    contract: sealed.digest,
    issued,
    expires: instant(expires),
  };
  return signEndorsement(fields, organisationSigner(organisation));
};
