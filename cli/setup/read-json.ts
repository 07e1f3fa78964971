import type { z } from 'zod';
import { readNamedFile } from '../../lib/config/named-file.ts';
import { explainIssues } from '../../lib/contract/explain-issues.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';

/** A JSON file in the shape of `schema`. Throws RefusalError E-CONFIG, naming every bad field by its path. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const document = parseJson(new TextDecoder().decode(await readNamedFile(path)));
  if (document === undefined) throw new RefusalError(refusal('E-CONFIG', `${path}: is not JSON`));
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new RefusalError(refusal('E-CONFIG', `${path}: ${explainIssues(schema, document, parsed.error)}`));
}

/** Undefined when the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
