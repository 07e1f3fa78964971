import type { Refusal } from '../core/errors.ts';
import { instant, type Digest, type Instant } from '../core/ids.ts';
import type { Result } from '../core/result.ts';
import type { AppraisalPolicy } from './appraisal-policy.ts';
import type { PrivacyPlan } from './privacy-plan.ts';
import { sealContract, type Organisation, type SealedContract, type StudyContract } from './study-contract.ts';
import type { StudyFile } from './study-file.ts';

const DAY_MS = 86_400_000;

/** What a contract needs beside the study file. */
export interface Draft {
  readonly file: StudyFile;
  readonly organisations: readonly Organisation[];
  /** Digests of the parameter layout and of the weights before round 1. */
  readonly layoutDigest: Digest;
  readonly initialDigest: Digest;
  readonly appraisal: { readonly enclave: AppraisalPolicy; readonly site: AppraisalPolicy };
  readonly environment: StudyContract['environment'];
  /** Moment of drafting; validity begins here. */
  readonly at: Instant;
  readonly privacy: PrivacyPlan;
  /** Each replaces what the file says. */
  readonly kMin?: number;
  readonly dataClass?: StudyContract['dataClass'];
}

/** The contract that hospitals are asked to approve. Refuses with E-CONTRACT-INVALID or E-CONTRACT-OVERFLOW. */
export function draftContract(draft: Draft): Result<SealedContract, Refusal> {
  const { file } = draft;
  return sealContract({
    format: 'consilium/contract/v1',
    study: file.study,
    schema: file.schema,
    training: file.training,
    strategy: file.strategy,
    grid: file.grid,
    privacy: draft.privacy,
    requireSites: file.requireSites,
    toleratedColluders: file.toleratedColluders,
    deadlines: file.deadlines,
    reattestIntervalMs: file.reattestIntervalMs,
    releaseTo: file.releaseTo,
    retentionDays: file.retentionDays,
    model: { spec: file.model, layoutDigest: draft.layoutDigest, initialDigest: draft.initialDigest },
    organisations: [...draft.organisations],
    rounds: file.rounds,
    kMin: draft.kMin ?? file.kMin,
    dataClass: draft.dataClass ?? file.dataClass,
    appraisal: draft.appraisal,
    environment: draft.environment,
    validity: { notBefore: draft.at, notAfter: instant(draft.at + file.validityDays * DAY_MS) },
    predecessor: null,
  });
}
