import { refusal, type Refusal } from '../core/errors.ts';
import { bytesEqual } from '../core/bytes.ts';
import { instant, type Digest, type Instant } from '../core/ids.ts';
import { err, type Result } from '../core/result.ts';
import type { AppraisalPolicy } from './appraisal-policy.ts';
import type { ModelSpec } from './model-spec.ts';
import type { PrivacyPlan } from './privacy-plan.ts';
import type { Head } from './shapes.ts';
import { sealContract, type Organisation, type SealedContract } from './study-contract.ts';

/** The release of the contract before, from a passport that the caller has verified. */
export interface LastRelease {
  readonly round: number;
  readonly head: Head;
  readonly child: Digest;
}

export interface SuccessorDraft {
  readonly previous: SealedContract;
  readonly release: LastRelease;
  /** The programs that are believed from now on. */
  readonly appraisal: { readonly enclave: AppraisalPolicy; readonly site: AppraisalPolicy };
  /** Moment of drafting; validity begins here. */
  readonly at: Instant;
  /** Each replaces what the contract before says. */
  readonly organisations?: readonly Organisation[];
  readonly kMin?: number;
  /** Absent: the rounds that were left; when the study begins anew, as many as the contract before. */
  readonly rounds?: number;
  /** Absent: as long as the contract before was valid. */
  readonly validityMs?: number;
  /** Absent: goes on from the released model. Given: begins again with other initial weights. */
  readonly beginAnew?: { readonly initial: ModelSpec['initial']; readonly initialDigest: Digest };
}

/**
 * The contract that goes on where `previous` ended, on the same terms unless replaced (PROTOCOL §6.1). Refuses with
 * E-CONTRACT-INVALID, or E-CONTRACT-OVERFLOW where more hospitals no longer fit the grid.
 */
export function draftSuccessor(draft: SuccessorDraft): Result<SealedContract, Refusal> {
  const { previous, release, at, beginAnew } = draft;
  const { contract } = previous;
  const invalid = (detail: string): Result<never, Refusal> => err(refusal('E-CONTRACT-INVALID', detail));
  const rounds = draft.rounds ?? (beginAnew === undefined ? contract.rounds - release.round : contract.rounds);
  if (rounds < 1) return invalid('rounds: none are left of the contract before; say how many more');
  // A model that rounds were run on is the parent of a release: hospitals refuse to train on it a second time.
  if (beginAnew !== undefined && bytesEqual(beginAnew.initialDigest, contract.model.initialDigest))
    return invalid('model.initial: the contract before began with the same weights; use another seed');
  const { notBefore, notAfter } = contract.validity;
  const { model } = contract;
  const organisations = [...(draft.organisations ?? contract.organisations)];
  return sealContract({
    ...contract,
    rounds,
    model:
      beginAnew === undefined
        ? { ...model, initialDigest: release.child }
        : { ...model, spec: { ...model.spec, initial: beginAnew.initial }, initialDigest: beginAnew.initialDigest },
    organisations,
    privacy: planFor(contract.privacy, organisations),
    kMin: draft.kMin ?? contract.kMin,
    appraisal: draft.appraisal,
    validity: { notBefore: at, notAfter: instant(at + (draft.validityMs ?? notAfter - notBefore)) },
    predecessor: { contract: previous.digest, head: release.head, round: release.round },
  });
}

/** Noise as before; of hospitals that stay, the published records stay. Nobody knows those of one that joins. */
function planFor(plan: PrivacyPlan, organisations: readonly Organisation[]): PrivacyPlan {
  if (plan.placement === 'none') return plan;
  const stays = ({ organisation }: { organisation: string }): boolean =>
    organisations.some(({ id }) => id === organisation);
  return { ...plan, publicRecords: plan.publicRecords.filter(stays) };
}
