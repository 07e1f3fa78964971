import type { DataSchema } from '../contract/data-schema.ts';
import type { OrganisationId } from '../core/ids.ts';

/** The rows on which the contract lets this hospital test; null when it lists none for it. */
export function listedTestRows({ split }: DataSchema, organisation: OrganisationId): readonly number[] | null {
  return Object.hasOwn(split.testRows, organisation) ? (split.testRows[organisation] ?? null) : null;
}

/**
 * Tells whether a hospital keeps a row for testing; rows are 0-based data rows of its file, counted before any is
 * dropped. An organisation with a list in the contract tests on that list, every other on each `everyNth`-th row.
 */
export function isTestRow(schema: DataSchema, organisation: OrganisationId): (rawRow: number) => boolean {
  const { everyNth } = schema.split;
  const listed = listedTestRows(schema, organisation);
  if (listed === null) return (rawRow) => rawRow % everyNth === everyNth - 1;
  const rows = new Set(listed);
  return (rawRow) => rows.has(rawRow);
}
