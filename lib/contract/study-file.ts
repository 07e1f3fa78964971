import { z } from 'zod';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { dataSchema, featureNames } from './data-schema.ts';
import { explainIssues } from './explain-issues.ts';
import { modelSpec, type ModelSpec } from './model-spec.ts';
import { privacyPlan } from './privacy-plan.ts';
import { positiveInteger } from './shapes.ts';
import { studyContract } from './study-contract.ts';

const FILES = /^[A-Za-z0-9._-]*\*[A-Za-z0-9._-]*$/;
const MAX_VALIDITY_DAYS = 3650;

/** The model as its author writes it: without `inputs`, which the schema decides. */
const authoredModel = z
  .strictObject({ kind: modelSpec.shape.kind, layers: modelSpec.shape.layers, initial: modelSpec.shape.initial })
  .superRefine((model, context) => {
    for (const { path, message } of modelSpec.safeParse({ ...model, inputs: 1 }).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path, message });
    }
  });

const protection = privacyPlan.options[1].shape;

/** Replaces the fields of the same names, and says what the privacy plan needs (PROTOCOL §6); the noise follows from ε. */
const noisyStudy = z.strictObject({
  rounds: studyContract.shape.rounds,
  training: studyContract.shape.training,
  strategy: studyContract.shape.strategy,
  grid: studyContract.shape.grid,
  epsilon: protection.epsilon,
  delta: protection.delta,
  samplingRate: protection.samplingRate,
  clip: protection.clip,
});

/**
 * What people write down about a study before hospitals and programs are known: the human part of a contract, with
 * the contract's own field names and rules (PROTOCOL §6).
 */
const studyFile = z.strictObject({
  study: studyContract.shape.study,
  rounds: studyContract.shape.rounds,
  model: authoredModel,
  /** Name of a hospital's file; the one `*` stands for the organisation id. */
  files: z.string().max(200).regex(FILES, 'a file name with exactly one *, which stands for the hospital'),
  schema: dataSchema,
  training: studyContract.shape.training,
  strategy: studyContract.shape.strategy,
  grid: studyContract.shape.grid,
  /** What differs where noise is added; a study that leaves a placement out cannot be run with it. */
  noise: z.strictObject({ enclave: noisyStudy.optional(), site: noisyStudy.optional() }).optional(),
  kMin: studyContract.shape.kMin,
  requireSites: studyContract.shape.requireSites,
  toleratedColluders: studyContract.shape.toleratedColluders,
  deadlines: studyContract.shape.deadlines,
  reattestIntervalMs: studyContract.shape.reattestIntervalMs,
  releaseTo: studyContract.shape.releaseTo,
  dataClass: studyContract.shape.dataClass,
  retentionDays: studyContract.shape.retentionDays,
  /** A contract drafted from this file is valid for so many days from the moment of drafting. */
  validityDays: positiveInteger.max(MAX_VALIDITY_DAYS),
});
/** A checked study file; `model.inputs` is filled in from the schema. */
export type StudyFile = Omit<z.output<typeof studyFile>, 'model'> & { readonly model: ModelSpec };

/**
 * `document`: the parsed YAML. Refuses with E-CONFIG, naming every bad field by its path and every unknown key with
 * the nearest known one; values are never repeated.
 */
export function parseStudyFile(document: unknown): Result<StudyFile, Refusal> {
  const parsed = studyFile.safeParse(document);
  if (!parsed.success) return err(refusal('E-CONFIG', explainIssues(studyFile, document, parsed.error)));
  const model = modelSpec.safeParse({ ...parsed.data.model, inputs: featureNames(parsed.data.schema).length });
  if (!model.success) return err(refusal('E-CONFIG', 'schema.features: more inputs than a model can have'));
  return ok({ ...parsed.data, model: model.data });
}
