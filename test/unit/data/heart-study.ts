import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { StudyFile } from '../../../lib/contract/study-file.ts';
import { readStudy } from '../../../lib/data/read-study.ts';

const STUDY = fileURLToPath(new URL('../../../examples/heart-disease/study.yaml', import.meta.url));

export async function heartStudy(): Promise<StudyFile> {
  const study = await readStudy(STUDY);
  if (!study.ok) throw new Error(study.error.detail);
  return study.value;
}

export const HEART_FOLDER = fileURLToPath(new URL('../../../../shared/data/heart-disease/', import.meta.url));

/** False, with a warning that cannot be overlooked, where the clinical files are not beside the repository. */
export function heartFilesPresent(): boolean {
  const present = existsSync(HEART_FOLDER);
  if (!present)
    console.warn('SKIPPED: ../shared/data/heart-disease is absent, nothing was tested on the real hospitals');
  return present;
}
