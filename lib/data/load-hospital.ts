import { basename } from 'node:path';
import type { DataSchema } from '../contract/data-schema.ts';
import type { Refusal } from '../core/errors.ts';
import type { OrganisationId } from '../core/ids.ts';
import type { Result } from '../core/result.ts';
import { featurise, type HospitalData } from './featurise.ts';
import { readTable } from './read-table.ts';
import { validateRows } from './validate-rows.ts';

export interface HospitalSource {
  readonly path: string;
  readonly organisation: OrganisationId;
  readonly schema: DataSchema;
}

/** A hospital's file, checked and ready to train on; E-DATA-FILE or E-DATA-EMPTY otherwise. */
export async function loadHospital({
  path,
  organisation,
  schema,
}: HospitalSource): Promise<Result<HospitalData, Refusal>> {
  const bytes = await readTable(path);
  if (!bytes.ok) return bytes;
  const fileName = basename(path);
  const table = validateRows({ bytes: bytes.value, fileName, schema });
  return table.ok ? featurise(table.value, { schema, organisation, fileName }) : table;
}
