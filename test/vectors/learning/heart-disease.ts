import { existsSync, readFileSync } from 'node:fs';

/** Beside the repository; not part of it (see the README there). */
const FOLDER = new URL('../../../../shared/data/heart-disease/', import.meta.url);

export const heartDiseaseAbsent = !existsSync(new URL('golden-trace.json', FOLDER));
if (heartDiseaseAbsent) {
  console.warn('SKIPPED: ../shared/data/heart-disease is absent; golden trace and hospital results are not checked');
}

interface SiteRows {
  readonly X: readonly (readonly number[])[];
  readonly y: readonly number[];
}

export type TracedStrategy = 'FedAvg' | 'FedProx' | 'FedAdam' | 'FedYogi' | 'FedAdagrad';

interface Hyperparameters {
  readonly lr: number;
  readonly mu?: number;
  readonly slr?: number;
  readonly b1?: number;
  readonly b2?: number;
  readonly tau?: number;
}

/** Keys '0' … '3' are the sites in file order. */
export interface GoldenTrace {
  readonly train: Readonly<Record<string, SiteRows>>;
  readonly raw_row_index: Readonly<
    Record<string, { readonly train: readonly number[]; readonly test: readonly number[] }>
  >;
  readonly init: readonly number[];
  readonly batches: readonly (readonly (readonly number[])[])[];
  readonly hyperparameters: Readonly<Record<TracedStrategy, Hyperparameters>>;
  readonly theta_after_round: Readonly<Record<TracedStrategy, readonly (readonly number[])[]>>;
}

export const readGoldenTrace = (): GoldenTrace =>
  JSON.parse(readFileSync(new URL('golden-trace.json', FOLDER), 'utf8')) as GoldenTrace;

export interface LabelledData {
  /** rows × 13. */
  readonly features: Float32Array;
  readonly labels: Float32Array;
}

export const INPUTS = 13;

export const pooled = (parts: readonly LabelledData[]): LabelledData => ({
  features: Float32Array.from(parts.flatMap(({ features }) => [...features])),
  labels: Float32Array.from(parts.flatMap(({ labels }) => [...labels])),
});

/** Centre and half-width of ../shared/data/README.md; the one-hot columns follow, unscaled. */
const SCALING = [
  { column: 0, centre: 54, halfWidth: 10 },
  { column: 1, centre: 0.5, halfWidth: 0.5 },
  { column: 3, centre: 130, halfWidth: 18 },
  { column: 4, centre: 220, halfWidth: 60 },
  { column: 5, centre: 0, halfWidth: 1 },
  { column: 7, centre: 140, halfWidth: 25 },
  { column: 8, centre: 0, halfWidth: 1 },
  { column: 9, centre: 1, halfWidth: 1 },
] as const;
const ONE_HOT = [
  { column: 2, levels: [2, 3, 4] },
  { column: 6, levels: [1, 2] },
] as const;
const LABEL_COLUMN = 13;
const CLIP = 3;

/** The raw files under public scaling constants, split as the trace lists it; sites in file order. */
export function readHospitals(trace: GoldenTrace): { train: LabelledData[]; test: LabelledData[] } {
  const sites = ['cleveland', 'hungarian', 'switzerland', 'va'].map((name, site) => {
    const lines = readFileSync(new URL(`processed.${name}.data`, FOLDER), 'utf8').split('\n');
    const rows = trace.raw_row_index[String(site)] ?? { train: [], test: [] };
    return { train: scaled(lines, rows.train), test: scaled(lines, rows.test) };
  });
  return { train: sites.map(({ train }) => train), test: sites.map(({ test }) => test) };
}

function scaled(lines: readonly string[], rows: readonly number[]): LabelledData {
  const cells = rows.map((row) => (lines[row] ?? '').split(',').map(Number));
  const features = cells.flatMap((row) => [
    ...SCALING.map(({ column, centre, halfWidth }) => ((row[column] ?? Number.NaN) - centre) / halfWidth),
    ...ONE_HOT.flatMap(({ column, levels }) => levels.map((level) => (row[column] === level ? 1 : 0))),
  ]);
  return {
    features: Float32Array.from(features, (value) => Math.max(-CLIP, Math.min(CLIP, value))),
    labels: Float32Array.from(cells, (row) => (row[LABEL_COLUMN] === 0 ? 0 : 1)),
  };
}
