import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { StudyFile } from '../../lib/contract/study-file.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { writeCohorts } from '../../lib/data/cohorts.ts';
import type { HospitalData } from '../../lib/data/featurise.ts';
import { findHospitalFiles, writeHospitalFiles, type HospitalFile } from '../../lib/data/hospital-files.ts';
import { loadHospital } from '../../lib/data/load-hospital.ts';
import { splitHospitals } from '../../lib/data/split-hospitals.ts';
import type { RunSecrets } from './run-secrets.ts';
import type { SimulationOptions } from './simulation-options.ts';

/** The demonstration's cohorts are the same in every run, seeded or not: they stand for given data. */
const COHORT_SEED = 1;

export interface SimulatedHospital {
  readonly id: OrganisationId;
  readonly name: string;
  readonly path: string;
  /** The simulator may read what a real coordinator never sees. */
  readonly data: HospitalData;
}

export interface SimulatedHospitals {
  readonly hospitals: readonly SimulatedHospital[];
  /** True when rows were generated, or divided among made-up hospitals. */
  readonly synthetic: boolean;
}

/** The hospitals of a run: files as given, files divided, or generated cohorts. Throws RefusalError on bad files. */
export async function gatherHospitals(
  options: SimulationOptions,
  { study, folder, secrets }: { readonly study: StudyFile; readonly folder: string; readonly secrets: RunSecrets },
): Promise<SimulatedHospitals> {
  checkSites(options);
  const given =
    options.data === null
      ? await writeCohorts({ folder, pattern: study.files, seed: COHORT_SEED })
      : unwrap(await findHospitalFiles(options.data, study.files));
  const divided = await divide(given, options, { study, folder, secrets });
  const files = divided ?? given;
  const synthetic = options.data === null || divided !== null;
  const loaded = await Promise.all(
    files.map(async ({ organisation: id, path }) => {
      const data = await loadHospital({ path, organisation: id, schema: study.schema });
      return { id, name: nameOf(id, synthetic), path, data };
    }),
  );
  const [first, ...others] = loaded.flatMap(({ data }) => (data.ok ? [] : [data.error]));
  if (first !== undefined) throw new RefusalError(first, ...others);
  return { hospitals: loaded.map((hospital) => ({ ...hospital, data: unwrap(hospital.data) })), synthetic };
}

/** What can be refused before anything is read. */
function checkSites({ sites, split }: SimulationOptions): void {
  if (split && sites === null) {
    const compared = { got: '--split', want: '--split --sites <n>' };
    throw new RefusalError(refusal('E-USAGE', 'among how many hospitals the rows are divided must be said', compared));
  }
}

async function divide(
  given: readonly HospitalFile[],
  { sites, split }: SimulationOptions,
  { study, folder, secrets }: { readonly study: StudyFile; readonly folder: string; readonly secrets: RunSecrets },
): Promise<readonly HospitalFile[] | null> {
  if (sites === null || (sites === given.length && !split)) return null;
  if (!split) {
    const compared = { got: `--sites ${sites}`, want: `${given.length}, the hospitals in the data, or --split` };
    throw new RefusalError(refusal('E-USAGE', 'made-up hospitals must be asked for', compared));
  }
  const files = await Promise.all(
    given.map(async ({ path }) => ({ fileName: basename(path), bytes: new Uint8Array(await readFile(path)) })),
  );
  const parts = unwrap(
    splitHospitals({
      files,
      schema: study.schema,
      sites,
      seed: secrets.seeded ? secrets.secret('split') : COHORT_SEED,
    }),
  );
  return writeHospitalFiles(join(folder, 'divided'), study.files, parts);
}

const nameOf = (id: string, synthetic: boolean): string =>
  `${id
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ')}${synthetic ? ' (synthetic)' : ''}`;

function unwrap<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly error: Parameters<typeof refusalError>[0] },
): T {
  if (!result.ok) throw refusalError(result.error);
  return result.value;
}

const refusalError = (refused: ReturnType<typeof refusal>): RefusalError => new RefusalError(refused);
