import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refusal, type Refusal } from '../core/errors.ts';
import { isOrganisationId, type OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';

export interface HospitalFile {
  readonly organisation: OrganisationId;
  readonly path: string;
}

/** A file to be written: its hospital and its whole text. */
export interface HospitalText {
  readonly organisation: OrganisationId;
  readonly text: string;
}

/** `pattern`: a study's `files`, with one `*` for the hospital (`processed.*.data`). */
export const hospitalFileName = (pattern: string, organisation: OrganisationId): string =>
  pattern.replace('*', () => organisation);

/**
 * The hospitals of a folder in order of their ids. Refuses with E-DATA-FILE when no file fits the pattern, or when
 * one fits whose `*` is not an organisation id: it is not silently left out of a study.
 */
export async function findHospitalFiles(
  folder: string,
  pattern: string,
): Promise<Result<readonly HospitalFile[], Refusal>> {
  const [before = '', after = ''] = pattern.split('*');
  const names = await listFolder(folder);
  if (names === null) return err(refusal('E-DATA-FILE', 'the data folder does not exist'));
  const found: HospitalFile[] = [];
  for (const name of names) {
    if (name.length <= before.length + after.length || !name.startsWith(before) || !name.endsWith(after)) continue;
    const id = name.slice(before.length, name.length - after.length);
    if (!isOrganisationId(id))
      return err(refusal('E-DATA-FILE', `${name}: does not name a hospital as ${pattern} asks`));
    found.push({ organisation: id, path: join(folder, name) });
  }
  found.sort((a, b) => (a.organisation < b.organisation ? -1 : 1));
  return found.length === 0 ? err(refusal('E-DATA-FILE', `no file of the folder fits ${pattern}`)) : ok(found);
}

/** Writes one file per hospital, readable by this user alone, and gives their paths. */
export async function writeHospitalFiles(
  folder: string,
  pattern: string,
  files: readonly HospitalText[],
): Promise<HospitalFile[]> {
  await mkdir(folder, { recursive: true });
  const written: HospitalFile[] = [];
  for (const { organisation, text } of files) {
    const path = join(folder, hospitalFileName(pattern, organisation));
    await writeFile(path, text, { mode: 0o600 });
    written.push({ organisation, path });
  }
  return written;
}

/** Null when the folder does not exist. */
async function listFolder(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder);
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && (fault.code === 'ENOENT' || fault.code === 'ENOTDIR')) return null;
    throw fault;
  }
}
