import { isMap, isPair, isScalar, type Document, type LineCounter } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { knownKeys, knownValues } from './schema-keys.ts';

export interface ConfigIssue {
  /** Counted from 1; null when the place is not known. */
  readonly line: number | null;
  /** `path: rule`, never the value. */
  readonly problem: string;
}

interface ConfigSource {
  readonly schema: z.ZodType;
  readonly document: Document;
  readonly lines: LineCounter;
}

type Path = readonly PropertyKey[];

/** One schema issue in the words of the file; an issue about several unknown keys gives one each. */
export function describeConfigIssue(issue: z.core.$ZodIssue, source: ConfigSource): ConfigIssue[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key, source));
  return [{ line: lineOf(issue.path, source), problem: `${pathText(issue.path)}: ${ruleOf(issue, source)}` }];
}

function unknownKey(path: Path, key: string, source: ConfigSource): ConfigIssue {
  const near = nearest(key, knownKeys(source.schema, path));
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return { line: lineOf([...path, key], source), problem: `${pathText([...path, key])}: unknown key${hint}` };
}

function ruleOf(issue: z.core.$ZodIssue, { document, schema }: ConfigSource): string {
  const value = document.getIn(issue.path);
  if (issue.code === 'invalid_type' && value === undefined) return `is missing (expected ${issue.expected})`;
  if (issue.code === 'invalid_value') return oneOf(issue.values.map(String), value);
  if (issue.code !== 'invalid_union') return issue.message;
  const allowed = knownValues(schema, issue.path);
  return allowed.length === 0 ? 'fits none of the allowed forms' : oneOf(allowed, value);
}

function oneOf(allowed: readonly string[], value: unknown): string {
  if (value === undefined) return `is missing (expected ${allowed.join(' or ')})`;
  const near = typeof value === 'string' ? nearest(value, allowed) : null;
  return `must be ${allowed.join(' or ')}${near === null ? '' : `; did you mean ${near}?`}`;
}

const pathText = (path: Path): string => (path.length === 0 ? '(document)' : path.map(String).join('.'));

/** The line of the key or item at `path`, or of the closest thing around it that exists. */
function lineOf(path: Path, { document, lines }: ConfigSource): number | null {
  for (let depth = path.length; depth > 0; depth--) {
    const offset = offsetOf(document, path.slice(0, depth));
    if (offset !== null) return lines.linePos(offset).line;
  }
  return null;
}

function offsetOf(document: Document, path: Path): number | null {
  const last = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
    return isPair(pair) && isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
  }
  const node = document.getIn(path, true);
  return hasRange(node) ? (node.range[0] ?? null) : null;
}

const hasRange = (node: unknown): node is { readonly range: readonly number[] } =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
