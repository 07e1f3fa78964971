import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';

/** Thrown inside a parser, never out of one: `total` turns it into a refusal. */
export class Malformed extends Error {
  /** What was wrong, in words of the format; holds no byte of the input. */
  readonly what: string;
  /** Byte offset within the structure being read; null where there is no single place. */
  readonly offset: number | null;

  constructor(what: string, offset: number | null = null) {
    super(what);
    this.what = what;
    this.offset = offset;
  }
}

/** Runs a parser: what it throws as Malformed becomes E-ATTEST-MALFORMED; anything else is a bug and goes on. */
export function total<T>(subject: string, parse: () => T): Result<T, Refusal> {
  try {
    return ok(parse());
  } catch (fault) {
    if (!(fault instanceof Malformed)) throw fault;
    const place = fault.offset === null ? '' : ` (byte ${fault.offset})`;
    return err(refusal('E-ATTEST-MALFORMED', `${subject}: ${fault.what}${place}`));
  }
}
