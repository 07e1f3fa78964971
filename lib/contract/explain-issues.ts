import { z } from 'zod';
import { nearest } from '../core/nearest.ts';

/** What of a JSON Schema is read here. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly const?: unknown;
}

/**
 * One phrase per broken rule of a document that a person wrote: its path and the rule, never its value; an unknown
 * key is answered with the nearest known one. `schema` is the schema that gave `error` for `document`.
 */
export function explainIssues(schema: z.ZodType, document: unknown, error: z.ZodError): string {
  const root = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'output', reused: 'inline' }) as SchemaNode;
  return error.issues.flatMap((issue) => explainIssue(root, document, issue)).join('; ');
}

function explainIssue(root: SchemaNode, document: unknown, issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [`${pathText(issue.path)}: ${issue.message}`];
  const known = knownKeys(root, document, issue.path);
  return issue.keys.map((key) => {
    const suggestion = nearest(key, known);
    const name = pathText([...issue.path, printable(key)]);
    return suggestion === null
      ? `${name}: unknown key; known here: ${known.join(', ')}`
      : `${name}: unknown key; did you mean ${suggestion}?`;
  });
}

const pathText = (path: readonly PropertyKey[]): string => path.map(String).join('.') || '(document)';

/** A key is the author's text: shortened, and without control characters, before it stands in a message. */
const printable = (key: string): string => key.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 64);

/** The keys that an object at `path` may have, given what else it says (its `kind` or `name`). */
function knownKeys(root: SchemaNode, document: unknown, path: readonly PropertyKey[]): string[] {
  let nodes = alternatives(root, document);
  let value = document;
  for (const step of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined;
    const inside = value;
    nodes = nodes.flatMap((node) => child(node, step)).flatMap((node) => alternatives(node, inside));
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

function child(node: SchemaNode, step: PropertyKey): SchemaNode[] {
  if (typeof step === 'number') return node.items === undefined ? [] : [node.items];
  const named = node.properties?.[String(step)];
  if (named !== undefined) return [named];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}

/** Of a union only the members whose constants (`kind: number`) agree with `value`. */
function alternatives(node: SchemaNode, value: unknown): SchemaNode[] {
  const members = [...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  if (members.length === 0) return agrees(node, value) ? [node] : [];
  return members.flatMap((member) => alternatives(member, value));
}

function agrees(node: SchemaNode, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const said = value as Record<string, unknown>;
  return Object.entries(node.properties ?? {}).every(
    ([key, property]) => property.const === undefined || property.const === said[key],
  );
}
