import { basename } from 'node:path';
import { parseDocument } from 'yaml';
import { parseStudyFile, type StudyFile } from '../contract/study-file.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readBounded } from './read-table.ts';

const MAX_STUDY_BYTES = 4 << 20;

/** A study file from disk: YAML 1.2 without aliases or custom tags. E-CONFIG lists every fault. */
export async function readStudy(path: string): Promise<Result<StudyFile, Refusal>> {
  const bytes = await readBounded(path, { code: 'E-CONFIG', maxBytes: MAX_STUDY_BYTES });
  if (!bytes.ok) return bytes;
  const document = parseYaml(new TextDecoder().decode(bytes.value));
  const study = document.ok ? parseStudyFile(document.value) : document;
  if (study.ok) return study;
  return err({ ...study.error, detail: `${basename(path)}: ${study.error.detail}` });
}

function parseYaml(text: string): Result<unknown, Refusal> {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    logLevel: 'error',
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const listed = faults.map(({ code, linePos }) => `line ${linePos?.[0].line ?? 0}: ${code}`);
    return err(refusal('E-CONFIG', listed.join('; ')));
  }
  try {
    return ok(document.toJS({ maxAliasCount: 0 }));
  } catch (fault) {
    if (fault instanceof ReferenceError) return err(refusal('E-CONFIG', 'YAML aliases are not read'));
    throw fault;
  }
}
