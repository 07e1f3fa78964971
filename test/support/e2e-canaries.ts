import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateCohorts } from '../../lib/data/cohorts.ts';
import { hospitalFileName } from '../../lib/data/hospital-files.ts';

const PATTERN = 'processed.*.data';
/** Columns of the heart disease files: what would be recognised anywhere, and is allowed by the schema. */
const PLANTED = { age: 0, trestbps: 3, chol: 4, oldpeak: 9 } as const;

/**
 * Four hospitals' files whose first rows hold values that stand nowhere else, such as an age of 41.73391. Returns these
 * values, as the files spell them.
 */
export function writeCanaryHospitals(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const planted: string[] = [];
  for (const [hospital, { organisation, text }] of generateCohorts(1).entries()) {
    const rows = text.trimEnd().split('\n');
    for (let row = 0; row < 3; row++) {
      const cells = (rows[row] ?? '').split(',');
      const tail = `${hospital + 1}${row + 1}391`;
      for (const [column, value] of [
        [PLANTED.age, `41.7${tail}`],
        [PLANTED.trestbps, `131.6${tail}`],
        [PLANTED.chol, `217.8${tail}`],
        [PLANTED.oldpeak, `1.3${tail}`],
      ] as const) {
        cells[column] = value;
        planted.push(value);
      }
      rows[row] = cells.join(',');
    }
    writeFileSync(join(folder, hospitalFileName(PATTERN, organisation)), `${rows.join('\n')}\n`);
  }
  return planted;
}

/** Breaks two files of `writeCanaryHospitals` with impossible values; returns these values and the files' names. */
export function spoilHospitals(folder: string): { values: string[]; names: string[] } {
  const names = readdirSync(folder).sort().slice(0, 2);
  const values = ['913.37731', '-77.19313'];
  for (const [index, name] of names.entries()) {
    const path = join(folder, name);
    const rows = readFileSync(path, 'utf8').split('\n');
    const cells = (rows[4] ?? '').split(',');
    cells[PLANTED.age] = values[index] ?? '';
    rows[4] = cells.join(',');
    writeFileSync(path, rows.join('\n'));
  }
  return { values, names };
}

/** A number as text and as programs keep it in memory. */
export const formsOfValue = (text: string): Buffer[] => {
  const big = Buffer.alloc(8);
  const little = Buffer.alloc(8);
  big.writeDoubleBE(Number(text));
  little.writeDoubleLE(Number(text));
  return [Buffer.from(text), big, little];
};

/** Secret bytes raw, in hexadecimal and in both alphabets of base64. */
export const formsOfSecret = (secret: Uint8Array): Buffer[] => {
  const bytes = Buffer.from(secret);
  const texts = [bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64')];
  return [bytes, ...[...texts, bytes.toString('base64url')].map((text) => Buffer.from(text.replace(/=+$/, '')))];
};

/** Every file below `folder`. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Names of the sources in which one of `needles` occurs. */
export const sourcesWith = (needles: readonly Buffer[], sources: ReadonlyMap<string, Buffer>): string[] =>
  [...sources].filter(([, bytes]) => needles.some((needle) => bytes.includes(needle))).map(([name]) => name);
