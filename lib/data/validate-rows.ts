import type { DataSchema } from '../contract/data-schema.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { columnRules, type ColumnRule } from './column-rules.ts';
import { readCsv, type CsvLimits, type CsvRecord } from './csv.ts';

/** Listed in one refusal; the rest is only counted. */
const MAX_LISTED = 20;

/** The complete rows of a checked file. */
export interface CleanTable {
  /** Numbers per row: the schema's features in order, as they stand in the file, then the label column. */
  readonly width: number;
  /** Row-major, kept rows × `width`. */
  readonly values: Float64Array;
  /** 0-based data row of the file (header not counted) from which each kept row comes. */
  readonly rawRowIndex: Uint32Array;
  /** Rows of the file, and those of them left out by the missing-value rule. */
  readonly totalRows: number;
  readonly droppedRows: number;
}

export interface DataFile {
  readonly bytes: Uint8Array;
  /** Shown in refusals: a file's name without its folders. */
  readonly fileName: string;
  readonly schema: DataSchema;
  readonly limits?: CsvLimits;
}

/**
 * Applies the schema contract to a file. Every cell of a used column that is not missing must keep its rule, in rows
 * that the missing-value rule drops too; other columns only count. Refuses with one E-DATA-FILE that lists file,
 * line, column and rule of the first violations and how many there are, never a value.
 */
export function validateRows({ bytes, fileName, schema, limits }: DataFile): Result<CleanTable, Refusal> {
  const sheet = new Sheet(schema);
  for (const item of readCsv(bytes, { delimiter: schema.delimiter, ...(limits === undefined ? {} : { limits }) })) {
    if (item.kind === 'record') sheet.take(item);
    else sheet.violation(`line ${item.line}: ${item.rule}`);
  }
  return sheet.finish(fileName);
}

class Sheet {
  readonly #schema: DataSchema;
  readonly #rules: readonly ColumnRule[];
  readonly #values: number[] = [];
  readonly #rawRowIndex: number[] = [];
  readonly #listed: string[] = [];
  #violations = 0;
  #rows = 0;
  #headerSeen: boolean;

  constructor(schema: DataSchema) {
    this.#schema = schema;
    this.#rules = columnRules(schema);
    this.#headerSeen = !schema.header;
  }

  violation(text: string): void {
    this.#violations += 1;
    if (this.#listed.length < MAX_LISTED) this.#listed.push(text);
  }

  take({ line, cells }: CsvRecord): void {
    if (!this.#headerSeen) {
      this.#headerSeen = true;
      this.#header(line, cells);
      return;
    }
    const rawRow = this.#rows;
    this.#rows += 1;
    if (cells.length !== this.#schema.columns.length) {
      this.violation(`line ${line}: row has ${cells.length} cells, want ${this.#schema.columns.length}`);
      return;
    }
    const numbers = this.#rules.map((rule) => this.#cell(rule, cells[rule.index] ?? '', line));
    if (numbers.some((value) => value === null)) return;
    for (const value of numbers) this.#values.push(value ?? Number.NaN);
    this.#rawRowIndex.push(rawRow);
  }

  /** The cell's number; null when it is missing or breaks its rule. */
  #cell(rule: ColumnRule, cell: string, line: number): number | null {
    const verdict = rule.read(cell);
    if (typeof verdict === 'number' || verdict === null) return verdict;
    this.violation(`line ${line}, ${rule.column}: ${verdict.broken}`);
    return null;
  }

  /** A first line that is not the header may be a patient's row: it is not repeated either. */
  #header(line: number, cells: readonly string[]): void {
    const { columns } = this.#schema;
    if (cells.length !== columns.length) {
      this.violation(`line ${line}: header has ${cells.length} cells, want ${columns.length}`);
      return;
    }
    columns.forEach((column, index) => {
      if (cells[index]?.trim() !== column) this.violation(`line ${line}: header cell ${index + 1} is not ${column}`);
    });
  }

  finish(fileName: string): Result<CleanTable, Refusal> {
    if (this.#violations > 0) {
      const more = this.#violations - this.#listed.length;
      const tail = more === 0 ? '' : `; and ${more} more`;
      const count = `${this.#violations} ${this.#violations === 1 ? 'violation' : 'violations'}`;
      return err(refusal('E-DATA-FILE', `${fileName}: ${count}: ${this.#listed.join('; ')}${tail}`));
    }
    return ok({
      width: this.#rules.length,
      values: Float64Array.from(this.#values),
      rawRowIndex: Uint32Array.from(this.#rawRowIndex),
      totalRows: this.#rows,
      droppedRows: this.#rows - this.#rawRowIndex.length,
    });
  }
}
