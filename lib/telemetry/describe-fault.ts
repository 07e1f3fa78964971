import { RefusalError, type Refusal } from '../core/errors.ts';

/**
 * What may be logged of something thrown. A refusal shows its code and its own words, which never hold patient
 * values (lib/core/errors.ts). Of any other error neither message, name nor properties are shown, because parsers
 * and databases quote their input there: only its built-in class, its system code and where it was thrown.
 */
export type FaultDescription =
  | { readonly kind: 'refusal'; readonly refusals: readonly RefusalDescription[]; readonly cause?: FaultDescription }
  | {
      readonly kind: 'error';
      /** A JavaScript built-in's name; everything else is `Error`. */
      readonly name: string;
      /** Node's or the operating system's code (`ECONNRESET`, `ERR_INVALID_ARG_TYPE`). */
      readonly code?: string;
      readonly syscall?: string;
      /** `file.ts:line:column`, innermost first, at most 8. */
      readonly at: readonly string[];
      readonly cause?: FaultDescription;
      readonly errors?: readonly FaultDescription[];
    }
  | { readonly kind: 'not-an-error'; readonly type: string };

interface RefusalDescription {
  readonly code: string;
  readonly detail?: string;
  readonly got?: string;
  readonly want?: string;
}

const MAX_DEPTH = 4;
const MAX_LISTED = 8;
const MAX_TEXT = 200;
const SYSTEM_CODE = /^(?:E[A-Z0-9]{2,20}|ERR_[A-Z0-9_]{2,60})$/;
const SYSCALL = /^[a-z][a-z0-9_]{1,20}$/;
const FRAME = /([\w.-]{1,80}\.[cm]?[jt]s:\d{1,7}:\d{1,7})\)?$/;
// eslint-disable-next-line no-control-regex -- a log line must not move a reader's cursor
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const BUILT_IN = [AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

/** Total: whatever was thrown, nothing is thrown here. */
export function describeFault(fault: unknown, depth = 0): FaultDescription {
  try {
    return describe(fault, depth);
  } catch {
    return { kind: 'not-an-error', type: 'unreadable' };
  }
}

function describe(fault: unknown, depth: number): FaultDescription {
  if (!(fault instanceof Error)) return { kind: 'not-an-error', type: typeof fault };
  const deeper = depth < MAX_DEPTH;
  const cause = deeper && fault.cause !== undefined ? { cause: describeFault(fault.cause, depth + 1) } : {};
  if (fault instanceof RefusalError) {
    return { kind: 'refusal', refusals: fault.refusals.slice(0, MAX_LISTED).map(describeOne), ...cause };
  }
  const code = ownText(fault, 'code', SYSTEM_CODE);
  const syscall = ownText(fault, 'syscall', SYSCALL);
  const inner: readonly unknown[] = deeper && fault instanceof AggregateError ? fault.errors.slice(0, MAX_LISTED) : [];
  return {
    kind: 'error',
    name: BUILT_IN.find((type) => fault instanceof type)?.name ?? 'Error',
    ...(code === null ? {} : { code }),
    ...(syscall === null ? {} : { syscall }),
    at: framesOf(fault),
    ...cause,
    ...(inner.length === 0 ? {} : { errors: inner.map((error) => describeFault(error, depth + 1)) }),
  };
}

function describeOne({ code, detail, got, want }: Refusal): RefusalDescription {
  return {
    code,
    ...(detail === '' ? {} : { detail: shortText(detail) }),
    ...(got === undefined ? {} : { got: shortText(got) }),
    ...(want === undefined ? {} : { want: shortText(want) }),
  };
}

const shortText = (text: string): string => text.slice(0, MAX_TEXT).replace(CONTROL, ' ');

function ownText(fault: Error, name: string, pattern: RegExp): string | null {
  const value = (fault as unknown as Record<string, unknown>)[name];
  return typeof value === 'string' && pattern.test(value) ? value : null;
}

/**
 * Only file names and positions. V8 puts the message before the frames, and a message may itself contain lines
 * that look like frames: without knowing where it ends, nothing is shown.
 */
function framesOf(fault: Error): string[] {
  const stack = fault.stack ?? '';
  const end = fault.message === '' ? stack.indexOf('\n') : stack.indexOf(fault.message) + fault.message.length;
  if (fault.message !== '' && !stack.includes(fault.message)) return [];
  return stack
    .slice(Math.max(end, 0))
    .split('\n')
    .flatMap((line) => FRAME.exec(line)?.[1] ?? [])
    .slice(0, MAX_LISTED);
}
