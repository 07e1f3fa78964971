import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { featureNames } from '../../../lib/contract/data-schema.ts';
import type { StudyFile } from '../../../lib/contract/study-file.ts';
import { encodeRow, type HospitalData } from '../../../lib/data/featurise.ts';
import { findHospitalFiles } from '../../../lib/data/hospital-files.ts';
import { loadHospital } from '../../../lib/data/load-hospital.ts';
import { validateRows, type CleanTable } from '../../../lib/data/validate-rows.ts';
import { areaUnderCurve, fitLogistic, logLoss, pool, predict } from './pooled-logistic.ts';
import { HEART_FOLDER, heartFilesPresent, heartStudy } from './heart-study.ts';

interface Rows {
  readonly X: readonly (readonly number[])[];
  readonly y: readonly number[];
}
type BySite<T> = Readonly<Record<string, T>>;
interface GoldenTrace {
  readonly features: readonly string[];
  readonly train: BySite<Rows>;
  readonly test: BySite<Rows>;
  readonly raw_row_index: BySite<{ readonly train: readonly number[]; readonly test: readonly number[] }>;
}

const SITES = ['cleveland', 'hungarian', 'switzerland', 'va'].map((name, index) => ({ name, key: String(index) }));

describe.skipIf(!heartFilesPresent())('the four hospitals of the heart disease study', () => {
  let study: StudyFile;
  let trace: GoldenTrace;
  const tables = new Map<string, CleanTable>();
  const hospitals = new Map<string, HospitalData>();

  beforeAll(async () => {
    study = await heartStudy();
    trace = JSON.parse(await readFile(join(HEART_FOLDER, 'golden-trace.json'), 'utf8')) as GoldenTrace;
    const files = await findHospitalFiles(HEART_FOLDER, study.files);
    if (!files.ok) throw new Error(files.error.detail);
    for (const { organisation, path } of files.value) {
      const bytes = await readFile(path);
      const table = validateRows({ bytes, fileName: organisation, schema: study.schema });
      const hospital = await loadHospital({ path, organisation, schema: study.schema });
      if (!table.ok || !hospital.ok) throw new Error(`${organisation} was refused`);
      tables.set(organisation, table.value);
      hospitals.set(organisation, hospital.value);
    }
  });

  const hospital = (name: string): HospitalData => given(hospitals.get(name));

  it('are found in the order of their names', () => {
    expect([...hospitals.keys()]).toEqual(['cleveland', 'hungarian', 'switzerland', 'va']);
  });

  it.each([
    ['cleveland', 303, 303, 199, 104],
    ['hungarian', 294, 261, 172, 89],
    ['switzerland', 123, 46, 30, 16],
    ['va', 200, 130, 85, 45],
  ])('%s: %i rows, %i complete, %i to train on, %i to test on', (name, total, complete, train, test) => {
    const data = hospital(name);
    expect(data.totalRows).toBe(total);
    expect(data.droppedRows).toBe(total - complete);
    expect(data.train.rows).toBe(train);
    expect(data.test.rows).toBe(test);
    expect(data.train.features).toHaveLength(train * 13);
  });

  it('has the features of the published benchmark in its order', () => {
    // The trace writes the levels as floats: cp=2.0.
    expect(featureNames(study.schema)).toEqual(trace.features.map((name) => name.replace(/\.0$/, '')));
    expect(study.model.inputs).toBe(13);
  });

  it.each(SITES)('$name: rows, labels and features are those of the golden trace', ({ name, key }) => {
    const table = given(tables.get(name));
    const rows = given(trace.raw_row_index[key]);
    const data = hospital(name);
    const train = unscaled(study, table, rows.train);
    const scale = perColumn(train);
    for (const part of ['train', 'test'] as const) {
      expect([...data[part].rawRowIndex]).toEqual(rows[part]);
      const golden = given(trace[part][key]);
      expect([...data[part].labels]).toEqual(golden.y);
      const scaled = unscaled(study, table, rows[part]).map((row) =>
        row.map((value, column) => (value - given(scale.mean[column])) / given(scale.sd[column])),
      );
      expect(largestDifference(scaled, golden.X)).toBeLessThan(1e-7);
    }
  });

  it.each(SITES)('$name: the shipped scaling is (x − centre) / halfWidth, clipped to ±3', ({ name, key }) => {
    const rows = given(trace.raw_row_index[key]).train;
    const { features } = hospital(name).train;
    const centre = [54, 0.5, 130, 220, 0, 140, 0, 1, 0, 0, 0, 0, 0];
    const halfWidth = [10, 0.5, 18, 60, 1, 25, 1, 1, 1, 1, 1, 1, 1];
    const expected = unscaled(study, given(tables.get(name)), rows).flatMap((row) =>
      row.map((value, column) => {
        const scaled = (value - given(centre[column])) / given(halfWidth[column]);
        return Math.fround(Math.min(3, Math.max(-3, scaled)));
      }),
    );
    expect([...features]).toEqual(expected);
  });

  it('give the published AUC and log-loss to a pooled maximum-likelihood fit', () => {
    const theta = fitLogistic(pool([...hospitals.values()].map(({ train }) => train)));
    const test = pool([...hospitals.values()].map((data) => data.test));
    const scores = predict(theta, test.rows);
    expect(Math.abs(areaUnderCurve(scores, test.labels) - 0.882)).toBeLessThan(0.001);
    expect(Math.abs(logLoss(scores, test.labels) - 0.436)).toBeLessThan(0.001);
  });
});

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('absent');
  return value;
}

function unscaled(study: StudyFile, table: CleanTable, rawRows: readonly number[]): number[][] {
  return rawRows.map((raw) => {
    const row = table.rawRowIndex.indexOf(raw);
    return encodeRow(study.schema, table.values.subarray(row * table.width, (row + 1) * table.width));
  });
}

/** Mean and standard deviation (ddof 1) of each column; 1 for a column that does not vary, as the benchmark has it. */
function perColumn(rows: readonly (readonly number[])[]): { mean: number[]; sd: number[] } {
  const columns = given(rows[0]).map((_, column) => rows.map((row) => given(row[column])));
  const mean = columns.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const sd = columns.map((values, column) => {
    const squares = values.reduce((sum, value) => sum + (value - given(mean[column])) ** 2, 0);
    return Math.sqrt(squares / (values.length - 1)) || 1;
  });
  return { mean, sd };
}

function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - given(b[i]?.[j])))));
}
