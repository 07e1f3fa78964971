import type { z } from 'zod';

type Schema = z.core.$ZodType;

/** The keys that a schema allows in the object at `path`; of a union, those of every member. */
export const knownKeys = (root: Schema, path: readonly PropertyKey[]): string[] =>
  schemasAt(root, path).flatMap((schema) => {
    const { def } = (schema as z.core.$ZodTypes)._zod;
    return def.type === 'object' ? Object.keys(def.shape) : [];
  });

/** The fixed values that a schema allows at `path`, such as the names that tell the members of a union apart. */
export const knownValues = (root: Schema, path: readonly PropertyKey[]): string[] =>
  schemasAt(root, path).flatMap((schema) => {
    const { def } = (schema as z.core.$ZodTypes)._zod;
    if (def.type === 'literal') return def.values.map(String);
    return def.type === 'enum' ? Object.values(def.entries).map(String) : [];
  });

const schemasAt = (root: Schema, path: readonly PropertyKey[]): Schema[] =>
  path
    .reduce<Schema[]>((schemas, step) => schemas.flatMap((schema) => stepInto(schema, step)), [root])
    .flatMap(unwrapped);

function stepInto(schema: Schema, step: PropertyKey): Schema[] {
  return unwrapped(schema).flatMap((inner) => {
    const { def } = (inner as z.core.$ZodTypes)._zod;
    if (def.type === 'object') return def.shape[String(step)] ?? [];
    if (def.type === 'array') return def.element;
    if (def.type === 'record') return def.valueType;
    if (def.type === 'tuple') return def.items[Number(step)] ?? def.rest ?? [];
    return [];
  });
}

/** The schemas behind wrappers (optional, nullable, default, transform …) and unions. */
function unwrapped(schema: Schema): Schema[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options.flatMap(unwrapped);
  if (def.type === 'pipe') return unwrapped(def.in);
  if (def.type === 'lazy') return unwrapped(def.getter());
  return 'innerType' in def ? unwrapped(def.innerType) : [schema];
}
