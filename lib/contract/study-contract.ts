import { z } from 'zod';
import { refusal, type Refusal } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { appraisalPolicy, appraisalPolicyFault } from './appraisal-policy.ts';
import { dataSchema, featureNames } from './data-schema.ts';
import { checkSumFits, grid } from './grid.ts';
import { contractModel, strategy, trainingPlan } from './model-spec.ts';
import { privacyPlan } from './privacy-plan.ts';
import {
  count,
  decodeDocument,
  digest,
  encodeDocument,
  head,
  instant,
  longText,
  organisationId,
  positiveInteger,
  publicKey,
  text,
} from './shapes.ts';

const MAX_CONTRACT_BYTES = 4 << 20;

export const organisation = z.strictObject({ id: organisationId, name: text, key: publicKey });
export type Organisation = z.output<typeof organisation>;

/** A day: as long as an endorsement lives, and well inside what timers can wait. */
const MAX_DEADLINE_MS = 24 * 3_600_000;

/** Longest time a round waits in each phase, in milliseconds. */
export const deadlines = z.strictObject({
  commitMs: positiveInteger.max(MAX_DEADLINE_MS),
  uploadMs: positiveInteger.max(MAX_DEADLINE_MS),
  acknowledgeMs: positiveInteger.max(MAX_DEADLINE_MS),
});

/** The contract before, and the release of it that this one goes on from (PROTOCOL §6.1). */
export const predecessor = z.strictObject({
  contract: digest,
  /** The release statement: its place in the chain of that contract. */
  head,
  /** Of that release; a successor counts its own rounds from 1 again. */
  round: positiveInteger,
});
export type Predecessor = z.output<typeof predecessor>;

/** One study under one set of terms; its digest names it (PROTOCOL §6). */
export const studyContract = z.strictObject({
  format: z.literal('consilium/contract/v1'),
  study: z.strictObject({ id: organisationId, title: text, purpose: longText, ethics: z.array(text).max(32) }),
  rounds: positiveInteger.max(100_000),
  model: contractModel,
  schema: dataSchema,
  training: trainingPlan,
  strategy,
  grid,
  privacy: privacyPlan,
  organisations: z.array(organisation).min(1).max(1000),
  /** Fewest organisations in a released round. */
  kMin: positiveInteger.min(2, 'at least 2: the sum of one hospital is its update'),
  /** Organisations without which no round is released. */
  requireSites: z.array(organisationId),
  /** f: colluding members tolerated when counting acknowledgements (PROTOCOL §7.6). */
  toleratedColluders: count,
  deadlines,
  /** PROTOCOL §4.6: 30 s to 60 min. */
  reattestIntervalMs: z.number().int().min(30_000).max(3_600_000),
  appraisal: z.strictObject({ enclave: appraisalPolicy, site: appraisalPolicy }),
  releaseTo: z.enum(['sites', 'sites+coordinator']),
  dataClass: z.enum(['deidentified', 'limited', 'identified', 'synthetic']),
  retentionDays: count,
  environment: z.enum(['simulation', 'production']),
  validity: z.strictObject({ notBefore: instant, notAfter: instant }),
  predecessor: predecessor.nullable(),
});
export type StudyContract = z.output<typeof studyContract>;

export interface SealedContract {
  readonly contract: StudyContract;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

export const contractDigest = (bytes: Uint8Array): Digest => hash('contract', bytes);

/** Checks every rule and gives the bytes that are hashed, signed and sent. */
export function sealContract(contract: StudyContract): Result<SealedContract, Refusal> {
  return openContract(encodeDocument(contract));
}

/** Total: any bytes in, a checked contract or the first broken rule out. */
export function openContract(bytes: Uint8Array): Result<SealedContract, Refusal> {
  const decoded = decodeDocument(studyContract, bytes, {
    code: 'E-CONTRACT-INVALID',
    limits: { maxBytes: MAX_CONTRACT_BYTES, maxDepth: 16 },
  });
  if (!decoded.ok) return decoded;
  const broken = brokenRules(decoded.value);
  if (broken !== null) return err(broken);
  return ok({ contract: decoded.value, bytes, digest: contractDigest(bytes) });
}

function brokenRules(contract: StudyContract): Refusal | null {
  const invalid = (detail: string): Refusal => refusal('E-CONTRACT-INVALID', detail);
  const ids = new Set<string>(contract.organisations.map(({ id }) => id));
  const keys = new Set(contract.organisations.map(({ key }) => key.join()));
  if (ids.size !== contract.organisations.length) return invalid('organisations: an id stands twice');
  if (keys.size !== contract.organisations.length) return invalid('organisations: a key stands twice');
  if (contract.kMin > ids.size) return invalid('kMin: more than there are organisations');
  if (contract.toleratedColluders >= contract.kMin) return invalid('toleratedColluders: as many as kMin or more');
  if (contract.requireSites.some((id) => !ids.has(id))) return invalid('requireSites: not among the organisations');
  if (contract.validity.notBefore >= contract.validity.notAfter) return invalid('validity: ends before it begins');
  if (contract.privacy.placement === 'none' && contract.releaseTo !== 'sites') {
    return invalid('releaseTo: without noise the model goes to sites only (PROTOCOL §6)');
  }
  const unprotected = unprotectedTerm(contract);
  if (unprotected !== null) return invalid(unprotected);
  if (featureNames(contract.schema).length !== contract.model.spec.inputs) {
    return invalid('model.spec.inputs: differs from the number of features of the schema');
  }
  for (const party of ['enclave', 'site'] as const) {
    const fault = appraisalPolicyFault(contract.appraisal[party]);
    if (fault !== null) return invalid(`appraisal.${party}: ${fault}`);
  }
  const simulatedAllowed = [contract.appraisal.enclave, contract.appraisal.site].some((policy) =>
    policy.platforms.includes('simulated'),
  );
  if (simulatedAllowed !== (contract.environment === 'simulation')) {
    return invalid('appraisal: simulated evidence and environment: simulation go together (PROTOCOL §5)');
  }
  const fits = checkSumFits(contract.grid, contract.organisations.length);
  return fits.ok ? null : fits.error;
}

/** What stands in the way of the noise that the plan promises; null: nothing. */
function unprotectedTerm({ privacy, training, grid: plan, organisations }: StudyContract): string | null {
  if (privacy.placement === 'none') return null;
  const published = new Set<string>(privacy.publicRecords.map(({ organisation: id }) => id));
  if (published.size !== privacy.publicRecords.length || published.size !== organisations.length)
    return 'privacy.publicRecords: not once for each organisation';
  if (organisations.some(({ id }) => !published.has(id)))
    return 'privacy.publicRecords: not once for each organisation';
  if (training.batchSize !== null) return 'training.batchSize: with noise the Poisson sample is the batch';
  if (training.proximalMu !== 0) return 'training.proximalMu: not with noise';
  if (privacy.placement === 'enclave' && training.localSteps !== 1)
    return 'training.localSteps: one step a round where the enclave adds the noise';
  if (privacy.placement === 'enclave' && plan.weightCap !== 1)
    return 'grid.weightCap: sums of gradients are not weighted';
  if (privacy.publicRecords.some(({ records }) => privacy.placement === 'site' && records > plan.weightCap))
    return 'grid.weightCap: below the records that a hospital publishes';
  return null;
}
