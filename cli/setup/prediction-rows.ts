import type { DataSchema } from '../../lib/contract/data-schema.ts';
import { refusal, type Refusal } from '../../lib/core/errors.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { err, ok, type Result } from '../../lib/core/result.ts';
import { columnRules } from '../../lib/data/column-rules.ts';
import { readCsv, type CsvRecord } from '../../lib/data/csv.ts';
import { featurise, type FeatureTable } from '../../lib/data/featurise.ts';

/** Listed in one refusal; the rest is only counted. */
const MAX_LISTED = 20;
const NOBODY = organisationId('prediction');

export interface PredictionRows {
  /** null when every row lacks a value. */
  readonly table: FeatureTable | null;
  /** Data rows of the file, header not counted. */
  readonly totalRows: number;
  /** 0-based data rows that lack a value of the model's inputs. */
  readonly dropped: readonly number[];
}

/**
 * A hospital's file as inputs of a model, without asking for an outcome: the label column may hold anything. Refuses
 * with E-DATA-FILE as training does: line, column and rule of the first violations, never a value.
 */
export function predictionRows(
  bytes: Uint8Array,
  { schema, fileName }: { readonly schema: DataSchema; readonly fileName: string },
): Result<PredictionRows, Refusal> {
  const rules = columnRules(schema).filter(({ column }) => column !== schema.label.column);
  const violations: string[] = [];
  const values: number[] = [];
  const kept: number[] = [];
  const dropped: number[] = [];
  const take = (rawRow: number, { line, cells }: CsvRecord): void => {
    const before = violations.length;
    const numbers = rules.map(({ index, column, read }) => {
      const verdict = read(cells[index] ?? '');
      if (verdict === null || typeof verdict === 'number') return verdict;
      violations.push(`line ${line}, ${column}: ${verdict.broken}`);
      return null;
    });
    if (violations.length > before) return;
    if (numbers.includes(null)) {
      dropped.push(rawRow);
      return;
    }
    // No outcome is known; what stands in its place is never looked at.
    values.push(...numbers.map((value) => value ?? Number.NaN), 0);
    kept.push(rawRow);
  };

  let totalRows = 0;
  let headerExpected = schema.header;
  for (const item of readCsv(bytes, { delimiter: schema.delimiter })) {
    if (item.kind === 'fault') violations.push(`line ${item.line}: ${item.rule}`);
    else if (headerExpected) {
      headerExpected = false;
      if (!isHeader(item.cells, schema)) violations.push(`line ${item.line}: is not the header that the schema names`);
    } else {
      totalRows += 1;
      if (item.cells.length === schema.columns.length) take(totalRows - 1, item);
      else violations.push(`line ${item.line}: row has ${item.cells.length} cells, want ${schema.columns.length}`);
    }
  }
  if (violations.length > 0) return err(refusal('E-DATA-FILE', `${fileName}: ${listed(violations)}`));
  const clean = {
    width: rules.length + 1,
    values: Float64Array.from(values),
    rawRowIndex: Uint32Array.from(kept),
    totalRows,
    droppedRows: dropped.length,
  };
  const source = { schema: withoutTestRows(schema), organisation: NOBODY, fileName };
  const features = featurise(clean, source);
  if (features.ok) return ok({ table: features.value.train, totalRows, dropped });
  return features.error.code === 'E-DATA-EMPTY' ? ok({ table: null, totalRows, dropped }) : features;
}

const isHeader = (cells: readonly string[], { columns }: DataSchema): boolean =>
  cells.length === columns.length && columns.every((column, index) => cells[index]?.trim() === column);

/** Every row is predicted: none is kept aside. */
const withoutTestRows = (schema: DataSchema): DataSchema => ({
  ...schema,
  split: { ...schema.split, testRows: { [NOBODY]: [] } },
});

function listed(violations: readonly string[]): string {
  const more = violations.length - MAX_LISTED;
  const count = `${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}`;
  return `${count}: ${violations.slice(0, MAX_LISTED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
