import { z } from 'zod';
import type { Instant } from '../core/ids.ts';
import { instant, safeInteger } from './field-shapes.ts';
import type { WireType } from './load-proto.ts';
import { messageCodec, type MessageCodec } from './message-codec.ts';

type Kinds = Readonly<Record<string, z.ZodType<object>>>;

/** One member per kind: the stamp, the kind's name, and that kind's own fields. */
export type EventOf<K extends Kinds> = {
  [Kind in keyof K & string]: { readonly sequence: number; readonly at: Instant; readonly kind: Kind } & Readonly<
    z.output<K[Kind]>
  >;
}[keyof K & string];

interface EventParts<K extends Kinds> {
  readonly name: string;
  readonly type: WireType<object>;
  /** The fields of each member of the message's `oneof kind`, by the member's name. */
  readonly kinds: K;
}

/**
 * A numbered, dated event. On the wire its fields sit in the `oneof` member that is named after the kind; here they
 * lie beside `kind`, so that a `switch` on it narrows.
 */
export function eventCodec<K extends Kinds>({ name, type, kinds }: EventParts<K>): MessageCodec<EventOf<K>> {
  const stamp = z.object({ sequence: safeInteger, atMs: instant, kind: z.enum(Object.keys(kinds)) });
  const shape = z.looseObject({}).transform((raw, context) => {
    const stamped = stamp.safeParse(raw);
    if (!stamped.success) return report(context, stamped.error, []);
    const { sequence, atMs: at, kind } = stamped.data;
    const fields = kinds[kind]?.safeParse(raw[kind]);
    if (fields?.success !== true) return report(context, fields?.error, [kind]);
    return { ...fields.data, sequence, at, kind } as EventOf<K>;
  });
  const toWire = ({ sequence, at, kind, ...fields }: EventOf<K>): object => ({ sequence, atMs: at, [kind]: fields });
  return messageCodec({ name, type, shape, toWire });
}

function report(context: z.RefinementCtx, error: z.ZodError | undefined, path: readonly string[]): never {
  for (const issue of error?.issues ?? []) {
    context.addIssue({ code: 'custom', message: issue.message, path: [...path, ...issue.path] });
  }
  return z.NEVER;
}
