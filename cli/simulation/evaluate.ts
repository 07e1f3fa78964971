import type { ModelSpec, TrainingPlan } from '../../lib/contract/model-spec.ts';
import type { FeatureTable } from '../../lib/data/featurise.ts';
import { shuffledBatches } from '../../lib/learning/batch-source.ts';
import { accuracy, areaUnderRoc, brierScore, logLoss, type Scored } from '../../lib/learning/metrics.ts';
import type { Trainer } from '../../lib/learning/trainer.ts';
import type { Baselines, SiteQuality } from '../report/run-summary.ts';
import type { SimulatedHospital } from './hospitals.ts';

/** Quality of one model on the test rows of every hospital: only a simulator may see this. */
export interface Evaluation {
  /** null where a hospital has no test rows. */
  readonly accuracyBySite: Readonly<Record<string, number | null>>;
  readonly accuracyMeanOfSites: number | null;
  readonly aucPooled: number | null;
  readonly logLoss: number | null;
  readonly brier: number | null;
}

interface Setting {
  readonly trainer: Trainer;
  readonly spec: ModelSpec;
}

export async function evaluate(
  { trainer, spec }: Setting,
  weights: Float32Array,
  hospitals: readonly SimulatedHospital[],
): Promise<Evaluation> {
  const scored: [string, Scored][] = [];
  for (const { id, data } of hospitals) scored.push([id, await score(trainer, { spec, weights, table: data.test })]);
  const accuracies = scored.map(([id, rows]): [string, number | null] => [id, accuracy(rows)]);
  const pooled = pool(scored.map(([, rows]) => rows));
  return {
    accuracyBySite: Object.fromEntries(accuracies),
    accuracyMeanOfSites: mean(accuracies.flatMap(([, value]) => (value === null ? [] : [value]))),
    aucPooled: areaUnderRoc(pooled),
    logLoss: logLoss(pooled),
    brier: brierScore(pooled),
  };
}

interface BaselineSetting extends Setting {
  readonly plan: TrainingPlan;
  readonly rounds: number;
  readonly initial: Float32Array;
  /** 32 bytes for the order of mini-batches. */
  readonly seed: Uint8Array;
}

/** What the same training reaches without federation: each hospital alone, and all rows in one place. */
export async function baselines(setting: BaselineSetting, hospitals: readonly SimulatedHospital[]): Promise<Baselines> {
  const { trainer, spec } = setting;
  const bySite: [string, SiteQuality][] = [];
  for (const { id, data } of hospitals) {
    const weights = await fit(setting, data.train);
    const quality = qualityOf(await score(trainer, { spec, weights, table: data.test }));
    if (quality !== null) bySite.push([id, quality]);
  }
  const pooledWeights = await fit(setting, poolTables(hospitals.map(({ data }) => data.train)));
  const pooled = await evaluate(setting, pooledWeights, hospitals);
  const majority = hospitals.map(({ id, data }): [string, number] => [id, majorityAccuracy(data.test)]);
  return {
    local: {
      bySite: Object.fromEntries(bySite),
      accuracyMeanOfSites: mean(bySite.map(([, { accuracy: value }]) => value)) ?? 0,
    },
    pooled: {
      accuracyMeanOfSites: pooled.accuracyMeanOfSites ?? 0,
      aucPooled: pooled.aucPooled,
      logLoss: pooled.logLoss ?? 0,
      accuracyBySite: withoutNulls(pooled.accuracyBySite),
    },
    majority: { accuracyBySite: Object.fromEntries(majority) },
  };
}

/** The study's own training, as many steps as all rounds together. */
async function fit(
  { trainer, spec, plan, rounds, initial, seed }: BaselineSetting,
  table: FeatureTable,
): Promise<Float32Array> {
  const { features, labels, rows } = table;
  const batches = shuffledBatches({ rows, batchSize: plan.batchSize, seed });
  const whole = { ...plan, localSteps: plan.localSteps * rounds, proximalMu: 0 };
  const { delta } = await trainer.train({ spec, plan: whole, weights: initial, features, labels, batches });
  return initial.map((weight, i) => weight + (delta[i] ?? 0));
}

interface ScoreRequest {
  readonly spec: ModelSpec;
  readonly weights: Float32Array;
  readonly table: FeatureTable;
}

async function score(trainer: Trainer, { spec, weights, table }: ScoreRequest): Promise<Scored> {
  if (table.rows === 0) return { probabilities: new Float32Array(), labels: new Float32Array() };
  return { probabilities: await trainer.predict({ spec, weights, features: table.features }), labels: table.labels };
}

function qualityOf(scored: Scored): SiteQuality | null {
  const share = accuracy(scored);
  const loss = logLoss(scored);
  return share === null || loss === null ? null : { accuracy: share, auc: areaUnderRoc(scored), logLoss: loss };
}

function pool(parts: readonly Scored[]): Scored {
  return {
    probabilities: Float32Array.from(parts.flatMap(({ probabilities }) => Array.from(probabilities))),
    labels: Float32Array.from(parts.flatMap(({ labels }) => Array.from(labels))),
  };
}

function poolTables(tables: readonly FeatureTable[]): FeatureTable {
  return {
    features: Float32Array.from(tables.flatMap(({ features }) => [...features])),
    labels: Float32Array.from(tables.flatMap(({ labels }) => Array.from(labels))),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    rawRowIndex: Uint32Array.from(tables.flatMap(({ rawRowIndex }) => [...rawRowIndex])),
  };
}

function majorityAccuracy({ labels, rows }: FeatureTable): number {
  const positive = labels.reduce((sum, label) => sum + label, 0);
  return rows === 0 ? 0 : Math.max(positive, rows - positive) / rows;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

const withoutNulls = (record: Readonly<Record<string, number | null>>): Record<string, number> =>
  Object.fromEntries(Object.entries(record).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
