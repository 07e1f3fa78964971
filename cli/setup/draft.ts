import { measureProgram, type ProgramMeasurement } from '../../lib/attestation/measure/measure-program.ts';
import { brokenTerm } from '../../lib/audit/broken-term.ts';
import type { AppraisalPolicy, PolicyDocument } from '../../lib/contract/appraisal-policy.ts';
import { draftContract } from '../../lib/contract/draft-contract.ts';
import type { PrivacyPlan } from '../../lib/contract/privacy-plan.ts';
import type { Organisation, SealedContract, StudyContract } from '../../lib/contract/study-contract.ts';
import type { StudyFile } from '../../lib/contract/study-file.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { Digest, Instant } from '../../lib/core/ids.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import { PROGRAM_ENTRIES, repositoryRoot, type MeasuredProgram } from './program-entries.ts';

export const measure = (program: MeasuredProgram): ProgramMeasurement =>
  measureProgram(PROGRAM_ENTRIES[program], repositoryRoot);

interface Terms {
  readonly study: StudyFile;
  readonly organisations: readonly Organisation[];
  readonly at: Instant;
  /** `study` is what `chooseNoise` gave with it. */
  readonly privacy: PrivacyPlan;
  readonly kMin?: number;
  readonly dataClass?: StudyContract['dataClass'];
}

export interface DraftOptions extends Terms {
  /** Accepted machines; null: any. */
  readonly instances: { readonly enclave: readonly string[] | null; readonly site: readonly string[] | null };
  /** Accepted measurements; absent: those of this very source. */
  readonly measurements?: { readonly enclave: readonly Digest[]; readonly site: readonly Digest[] };
}

export interface ProductionDraftOptions extends Terms {
  /** Policy documents for the evidence of each party. */
  readonly policies: { readonly enclave: AttestationPolicy; readonly site: AttestationPolicy };
}

/** A policy document and the platforms that it allows. */
export interface AttestationPolicy {
  readonly document: PolicyDocument;
  readonly platforms: AppraisalPolicy['platforms'];
}

/** A simulation contract of `study` for these organisations. Throws RefusalError when it breaks a rule. */
export function draftSimulationContract({ instances, measurements, ...terms }: DraftOptions): SealedContract {
  const policy = (
    program: MeasuredProgram,
    given: readonly Digest[] | undefined,
    machines: readonly string[] | null,
  ): AppraisalPolicy => ({
    platforms: ['simulated'],
    measurements: given === undefined ? [measure(program).digest] : [...given],
    instances: machines === null ? null : [...machines],
    minSvn: 0,
    evidence: null,
  });
  return drafted(terms, 'simulation', {
    enclave: policy('enclave-simulation', measurements?.enclave, instances.enclave),
    site: policy('site-simulation', measurements?.site, instances.site),
  });
}

/** A contract for real hardware. Throws RefusalError when it breaks a rule, the policy language's included. */
export function draftProductionContract({ policies, ...terms }: ProductionDraftOptions): SealedContract {
  const policy = ({ document, platforms }: AttestationPolicy): AppraisalPolicy => ({
    platforms: [...platforms],
    measurements: [],
    instances: null,
    minSvn: 0,
    evidence: document,
  });
  const sealed = drafted(terms, 'production', { enclave: policy(policies.enclave), site: policy(policies.site) });
  const broken = brokenTerm(sealed.contract);
  if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', broken));
  return sealed;
}

function drafted(
  { study, organisations, at, privacy, kMin, dataClass }: Terms,
  environment: StudyContract['environment'],
  appraisal: StudyContract['appraisal'],
): SealedContract {
  const layout = layoutOf(study.model);
  const sealed = draftContract({
    file: study,
    organisations,
    layoutDigest: layout.digest,
    initialDigest: modelDigest(layout.digest, initialWeights(study.model)),
    appraisal,
    environment,
    at,
    privacy,
    ...(kMin === undefined ? {} : { kMin }),
    ...(dataClass === undefined ? {} : { dataClass }),
  });
  if (!sealed.ok) throw new RefusalError(sealed.error);
  return sealed.value;
}
