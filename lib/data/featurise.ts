import type { DataSchema } from '../contract/data-schema.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { isTestRow, listedTestRows } from './split-rows.ts';
import type { CleanTable } from './validate-rows.ts';

/** What a model is trained or tested on. */
export interface FeatureTable {
  /** Row-major, `rows` × the model's inputs, in the order of `featureNames(schema)`. */
  readonly features: Float32Array;
  /** 1 for a positive row, else 0. */
  readonly labels: Float32Array;
  readonly rows: number;
  /** 0-based data row of the file from which each row comes. */
  readonly rawRowIndex: Uint32Array;
}

export interface HospitalData {
  readonly train: FeatureTable;
  /** May have no rows. */
  readonly test: FeatureTable;
  readonly droppedRows: number;
  readonly totalRows: number;
}

export interface Featurised {
  readonly schema: DataSchema;
  readonly organisation: OrganisationId;
  /** Shown in refusals. */
  readonly fileName: string;
}

/**
 * Splits, encodes and scales. Refuses with E-DATA-EMPTY when no training row is left, and with E-DATA-FILE when the
 * contract lists test rows that the file does not have: it was written for another file.
 */
export function featurise(table: CleanTable, source: Featurised): Result<HospitalData, Refusal> {
  const { schema, organisation, fileName } = source;
  if (listedTestRows(schema, organisation)?.some((row) => row >= table.totalRows) === true) {
    const rule = `split.testRows of ${organisation} names rows beyond the ${table.totalRows} of this file`;
    return err(refusal('E-DATA-FILE', `${fileName}: ${rule}`));
  }
  const inTest = isTestRow(schema, organisation);
  const all = [...table.rawRowIndex.keys()];
  const part = (test: boolean): FeatureTable =>
    scaledTable(
      table,
      schema,
      all.filter((row) => inTest(table.rawRowIndex[row] ?? 0) === test),
    );
  const train = part(false);
  if (train.rows === 0) return err(refusal('E-DATA-EMPTY', `${fileName}: none of ${table.totalRows} rows`));
  return ok({ train, test: part(true), droppedRows: table.droppedRows, totalRows: table.totalRows });
}

function scaledTable(table: CleanTable, schema: DataSchema, rows: readonly number[]): FeatureTable {
  const scales = inputScales(schema);
  const features = new Float32Array(rows.length * scales.length);
  const labels = new Float32Array(rows.length);
  rows.forEach((row, index) => {
    const values = table.values.subarray(row * table.width, (row + 1) * table.width);
    features.set(scaleRow(encodeRow(schema, values), scales, schema.clip), index * scales.length);
    labels[index] = isPositive(schema, values[table.width - 1] ?? Number.NaN) ? 1 : 0;
  });
  const rawRowIndex = Uint32Array.from(rows, (row) => table.rawRowIndex[row] ?? Number.NaN);
  return { features, labels, rows: rows.length, rawRowIndex };
}

/** One row of a clean table → the model's inputs before scaling: measured values, and 0 or 1 per further level. */
export function encodeRow(schema: DataSchema, values: Float64Array): number[] {
  return schema.features.flatMap((feature, index) => {
    const value = values[index] ?? Number.NaN;
    if (feature.kind === 'number') return [value];
    return feature.levels.slice(1).map((level) => (value === level ? 1 : 0));
  });
}

interface Scale {
  readonly centre: number;
  readonly halfWidth: number;
}

/** One per model input; a one-hot input stays 0 or 1. */
function inputScales(schema: DataSchema): Scale[] {
  return schema.features.flatMap((feature) =>
    feature.kind === 'number' ? [feature] : feature.levels.slice(1).map(() => ({ centre: 0, halfWidth: 1 })),
  );
}

/** (x − centre) / halfWidth, clipped to ±clip: public constants, so scaling costs no privacy. */
function scaleRow(encoded: readonly number[], scales: readonly Scale[], clip: number): number[] {
  return scales.map(({ centre, halfWidth }, index) => {
    const scaled = ((encoded[index] ?? Number.NaN) - centre) / halfWidth;
    return Math.max(-clip, Math.min(clip, scaled));
  });
}

function isPositive({ label }: DataSchema, value: number): boolean {
  return label.positive.rule === 'non-zero' ? value !== 0 : value >= label.positive.threshold;
}
