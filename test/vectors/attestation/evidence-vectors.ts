import { existsSync, readFileSync, readdirSync } from 'node:fs';

const FOLDER = new URL('../../../../shared/vectors/attestation/', import.meta.url);

/** Real evidence lies beside the repository, never in it; without it these tests are skipped, loudly. */
export const evidenceVectorsAbsent = !existsSync(FOLDER);
if (evidenceVectorsAbsent)
  console.warn('SKIPPED: ../shared/vectors/attestation is absent; no real evidence is checked');

/** Bytes of one file; `path` is relative to the vector folder, as MANIFEST.md has it. */
export const vectorBytes = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(encode(path), FOLDER)));

export const vectorText = (path: string): string => readFileSync(new URL(encode(path), FOLDER), 'utf8');

/** Every file below `folder` whose name matches, as paths for `vectorBytes`, in alphabetical order. */
export function vectorFiles(folder = '', name = /./): string[] {
  if (evidenceVectorsAbsent) return [];
  return readdirSync(new URL(encode(folder), FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(new URL(FOLDER).pathname.length).replace(/^\/+/, ''))
    .sort();
}

const encode = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
