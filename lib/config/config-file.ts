import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { configFields, type ConfigFields } from './config-fields.ts';
import { describeConfigIssue, type ConfigIssue } from './config-issue.ts';
import { readFault } from './named-file.ts';

const MAX_BYTES = 1 << 20;
/** An alias repeats what stands elsewhere; a few are useful, many are an attack ("billion laughs"). */
const MAX_ALIASES = 100;

export type ConfigRefusals = readonly [Refusal, ...Refusal[]];

/**
 * Reads a YAML 1.2 file against a strict schema. Refuses with one E-CONFIG per bad field, all of them at once,
 * each as `file:line: path: rule`, unknown keys with the nearest right one; values are never shown. Paths given
 * with `fields.path` and `fields.secretFile` are resolved against the folder of the file.
 */
export async function loadConfig<T>(
  path: string,
  schemaFor: (fields: ConfigFields) => z.ZodType<T>,
): Promise<Result<T, ConfigRefusals>> {
  const text = await readConfig(path);
  return text.ok ? parseConfig(text.value, { name: path, schema: schemaFor(configFields(dirname(path))) }) : text;
}

async function readConfig(path: string): Promise<Result<string, ConfigRefusals>> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return err([refusal('E-CONFIG', `${path}: larger than ${MAX_BYTES} bytes`)]);
    return ok(await readFile(path, 'utf8'));
  } catch (fault) {
    return err([refusal('E-CONFIG', `${path}: ${readFault(fault)}`)]);
  }
}

export function parseConfig<T>(
  text: string,
  { name, schema }: { readonly name: string; readonly schema: z.ZodType<T> },
): Result<T, ConfigRefusals> {
  const lines = new LineCounter();
  const refuse = (line: number | null, problem: string): Refusal =>
    refusal('E-CONFIG', `${name}${line === null ? '' : `:${line}`}: ${problem}`);
  // Not the parser's own messages: they quote the text, which may hold what somebody pasted by mistake.
  // With `silent` it would pass over every document after the first without a word.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error', uniqueKeys });
  const broken = [...document.errors, ...document.warnings].map(({ code, pos }) =>
    refuse(lines.linePos(pos[0]).line, `not valid YAML: ${code.toLowerCase().replaceAll('_', ' ')}`),
  );
  if (isNonEmpty(broken)) return err(broken);
  const plain = plainValue(document);
  if (!plain.ok) return err([refuse(null, `not valid YAML: ${plain.error}`)]);
  const parsed = schema.safeParse(plain.value);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues
    .flatMap((issue): ConfigIssue[] => describeConfigIssue(issue, { schema, document, lines }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .map(({ line, problem }) => refuse(line, problem));
  return isNonEmpty(problems) ? err(problems) : err([refuse(null, 'does not fit its schema')]);
}

/**
 * Whether two keys of a mapping are one: `0` and `"0"` are, as the second would silently take the place of the first
 * in an object. A key that is no plain scalar (an alias, a list) may be any other one's name.
 */
const uniqueKeys = (a: unknown, b: unknown): boolean =>
  !isScalar(a) || !isScalar(b) || String(a.value) === String(b.value);

/** The parser throws a ReferenceError on an alias without an anchor, and on too many of them. */
function plainValue(document: Document): Result<unknown, string> {
  try {
    return ok(document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch (fault) {
    if (fault instanceof ReferenceError) return err('an alias leads nowhere, or aliases repeat too much');
    throw fault;
  }
}

const isNonEmpty = (refusals: readonly Refusal[]): refusals is ConfigRefusals => refusals.length > 0;
