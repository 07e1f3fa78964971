import type { DataSchema } from '../contract/data-schema.ts';

/** What one used column demands of its cells. */
export interface ColumnRule {
  readonly column: string;
  /** 0-based position in the file. */
  readonly index: number;
  /** A number; null for a missing-value code; else the broken rule in words that do not repeat the cell. */
  readonly read: (cell: string) => number | null | { readonly broken: string };
}

/** Decimal point, optional exponent; no thousands separators, no hexadecimal, no infinities. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** The rules of the used columns: the schema's features in order, then the label. */
export function columnRules(schema: DataSchema): ColumnRule[] {
  const features = schema.features.map((feature) =>
    feature.kind === 'number' ? numberRule(schema, feature) : levelRule(schema, feature),
  );
  return [...features, numberRule(schema, schema.label)];
}

interface Measured {
  readonly column: string;
  readonly unit: string;
  readonly range: readonly [number, number];
}

function numberRule(schema: DataSchema, { column, unit, range: [low, high] }: Measured): ColumnRule {
  return rule(schema, column, (value) => (value >= low && value <= high ? null : `outside ${low}–${high} ${unit}`));
}

interface Coded {
  readonly column: string;
  readonly levels: readonly number[];
}

function levelRule(schema: DataSchema, { column, levels }: Coded): ColumnRule {
  const known = new Set(levels);
  return rule(schema, column, (value) => (known.has(value) ? null : `not one of the levels ${levels.join(', ')}`));
}

function rule(schema: DataSchema, column: string, broken: (value: number) => string | null): ColumnRule {
  const missing = new Set(schema.missing);
  const read: ColumnRule['read'] = (cell) => {
    const text = cell.trim();
    if (missing.has(text)) return null;
    if (text === '') return { broken: 'empty' };
    if (!DECIMAL.test(text)) return { broken: 'not a number' };
    const value = Number(text);
    const reason = broken(value);
    return reason === null ? value : { broken: reason };
  };
  return { column, index: schema.columns.indexOf(column), read };
}
