import { z } from 'zod';
import { count, organisationId, positiveInteger, text } from './shapes.ts';

const columnName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_ .=-]{0,63}$/);
const range = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low <= high, 'the lower end must not exceed the upper end');

/** A measured quantity, scaled by public constants: (x − centre) / halfWidth, then clipped to ±clip. */
const numberFeature = z.strictObject({
  column: columnName,
  kind: z.literal('number'),
  unit: text,
  range,
  centre: z.number(),
  halfWidth: z.number().positive(),
  /** Why an odd value is accepted (for example: 0 means "not measured" in two of the files). */
  note: text.optional(),
});

/** A coded quantity, one-hot in the order of `levels`; the first level is the reference and gets no feature. */
const categoryFeature = z.strictObject({
  column: columnName,
  kind: z.literal('category'),
  unit: text,
  levels: z.array(z.number().int()).min(2).max(64),
  note: text.optional(),
});

/**
 * The schema contract: what a hospital's file must look like, how rows become features and a 0/1 label.
 * Missing-value rule: a row with a missing value in any named column is dropped.
 */
export const dataSchema = z
  .strictObject({
    format: z.literal('csv'),
    delimiter: z.enum([',', ';', '\t']),
    /** True when the first line names the columns. */
    header: z.boolean(),
    /** Every column of the file, in order; used or not. */
    columns: z.array(columnName).min(2).max(512),
    /** Cell texts that mean "missing". */
    missing: z.array(z.string().max(16)).max(16),
    missingRule: z.literal('drop-row'),
    features: z
      .array(z.discriminatedUnion('kind', [numberFeature, categoryFeature]))
      .min(1)
      .max(512),
    /** Scaled values are clipped to ±clip. */
    clip: z.number().positive().max(100),
    label: z.strictObject({
      column: columnName,
      unit: text,
      range,
      /** The row is positive when the cell is not 0, or when it is at least `threshold`. */
      positive: z.discriminatedUnion('rule', [
        z.strictObject({ rule: z.literal('non-zero') }),
        z.strictObject({ rule: z.literal('at-least'), threshold: z.number() }),
      ]),
    }),
    /** Which rows a hospital keeps for testing; 0-based lines of the raw file, header not counted. */
    split: z.strictObject({
      /** Organisations without a list of their own test on raw rows r with r % everyNth == everyNth − 1. */
      everyNth: positiveInteger.min(2).max(100),
      testRows: z.record(z.string(), z.array(count).max(100_000)),
    }),
  })
  .superRefine((schema, context) => {
    const known = new Set(schema.columns);
    if (known.size !== schema.columns.length) {
      context.addIssue({ code: 'custom', path: ['columns'], message: 'a column is named twice' });
    }
    const used = [...schema.features.map((feature) => feature.column), schema.label.column];
    used.forEach((column, index) => {
      if (!known.has(column))
        context.addIssue({
          code: 'custom',
          path: ['features', index, 'column'],
          message: `${column} is not among the columns`,
        });
      if (used.indexOf(column) !== index)
        context.addIssue({ code: 'custom', path: ['features', index, 'column'], message: `${column} is used twice` });
    });
    for (const id of Object.keys(schema.split.testRows)) {
      if (!organisationId.safeParse(id).success)
        context.addIssue({ code: 'custom', path: ['split', 'testRows', id], message: 'not an organisation id' });
    }
  });
export type DataSchema = z.output<typeof dataSchema>;

/** Names of the model's inputs in order; a category gives one per level after the first (`cp=2`). */
export function featureNames(schema: DataSchema): string[] {
  return schema.features.flatMap((feature) =>
    feature.kind === 'number' ? [feature.column] : feature.levels.slice(1).map((level) => `${feature.column}=${level}`),
  );
}
