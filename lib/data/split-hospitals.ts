import type { DataSchema } from '../contract/data-schema.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { organisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readCsv } from './csv.ts';
import type { HospitalText } from './hospital-files.ts';
import { seededStream, type Seed } from './seeded-stream.ts';
import { validateRows } from './validate-rows.ts';

/** Fewer rows would leave a hospital without a row to train or to test on. */
const MIN_ROWS_PER_SITE = 10;
const MAX_SITES = 1000;

export interface Division {
  /** The hospitals' files as they are. */
  readonly files: readonly { readonly fileName: string; readonly bytes: Uint8Array }[];
  readonly schema: DataSchema;
  readonly sites: number;
  readonly seed: Seed;
}

/**
 * Pools the rows of the files, shuffles them by `seed` and deals them out to hospitals `synthetic-01`, …: their names
 * say that no such hospital exists. Every file is first checked against the schema (E-DATA-FILE); E-USAGE when
 * `sites` is no count from 1 to 1000 or leaves a hospital fewer than 10 rows.
 */
export function splitHospitals({ files, schema, sites, seed }: Division): Result<HospitalText[], Refusal> {
  const pooled: string[] = [];
  let header: string | null = null;
  for (const { fileName, bytes } of files) {
    const checked = validateRows({ bytes, fileName, schema });
    if (!checked.ok) return checked;
    const rows = recordLines(bytes, schema);
    if (schema.header) header = rows.shift() ?? null;
    for (const row of rows) pooled.push(row);
  }
  const most = Math.min(MAX_SITES, Math.floor(pooled.length / MIN_ROWS_PER_SITE));
  if (!Number.isInteger(sites) || sites < 1 || sites > most) {
    return err(refusal('E-USAGE', 'sites', { got: String(sites), want: `1 to ${most} for ${pooled.length} rows` }));
  }
  const shuffled = shuffle(pooled, seed);
  const digits = Math.max(2, String(sites).length);
  return ok(
    Array.from({ length: sites }, (_, site) => {
      const lines = header === null ? [] : [header];
      for (let row = site; row < shuffled.length; row += sites) lines.push(shuffled[row] ?? '');
      const id = `synthetic-${String(site + 1).padStart(digits, '0')}`;
      return { organisation: organisationId(id), text: `${lines.join('\n')}\n` };
    }),
  );
}

/** The records of a checked file, written again one per line. */
function recordLines(bytes: Uint8Array, { delimiter }: DataSchema): string[] {
  const lines: string[] = [];
  for (const item of readCsv(bytes, { delimiter })) {
    if (item.kind === 'record') lines.push(item.cells.map((cell) => quoted(cell, delimiter)).join(delimiter));
  }
  return lines;
}

/** RFC 4180 §2.5–2.7. */
function quoted(cell: string, delimiter: string): string {
  const plain = !cell.includes(delimiter) && !/["\r\n]/.test(cell);
  return plain ? cell : `"${cell.replaceAll('"', '""')}"`;
}

/** Fisher–Yates. */
function shuffle(rows: readonly string[], seed: Seed): string[] {
  const stream = seededStream(seed, 'split-hospitals');
  const out = [...rows];
  for (let last = out.length - 1; last > 0; last--) {
    const other = stream.below(last + 1);
    [out[last], out[other]] = [out[other] ?? '', out[last] ?? ''];
  }
  return out;
}
