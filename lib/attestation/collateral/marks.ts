import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { WHAT, type ItemFacts } from './describe-item.ts';

/** The newest that was accepted of one statement. */
export type Mark = Pick<ItemFacts, 'issuedAt' | 'number'>;

/** High-water marks: they only rise (PROTOCOL §2.6). */
export interface Marks {
  /** The newest time that a vendor signed and that was verified, milliseconds since 1970; 0: none yet. */
  readonly newestSignedMs: number;
  /** By `ItemFacts.subject`. */
  readonly bySubject: ReadonlyMap<string, Mark>;
}

export const NO_MARKS: Marks = { newestSignedMs: 0, bySubject: new Map() };

/**
 * Kinds whose date is the moment of signing. A RIM bears none, and a certificate says only from when it is valid. An
 * OCSP answer can be signed by any GPU, whose identity is an authority: whoever took the key out of one could otherwise
 * move the time of everybody who stores it, and with it every verdict, into the future for good.
 */
const SIGNED_TIMES: readonly ItemFacts['kind'][] = ['intel-tcb-info', 'intel-qe-identity', 'revocation-list'];

/**
 * Whether verified facts may be accepted after `marks`. Refused, E-COLLATERAL-OLDER: an older evaluation data number,
 * list number or date of issue than the newest seen of the same subject, and a list without a number after one with.
 * Certificates replace nothing, so an old one is no step back.
 */
export function admit(facts: ItemFacts, marks: Marks): Result<Marks, Refusal> {
  const { kind, subject, issuedAt, number } = facts;
  if (kind === 'certificate') return ok(marks);
  const mark = marks.bySubject.get(subject);
  if (mark !== undefined && isOlder(facts, mark)) {
    return err(
      refusal('E-COLLATERAL-OLDER', `${WHAT[kind]} of ${facts.about}`, { got: markText(facts), want: markText(mark) }),
    );
  }
  const newestSignedMs = SIGNED_TIMES.includes(kind) ? Math.max(marks.newestSignedMs, issuedAt) : marks.newestSignedMs;
  return ok({ newestSignedMs, bySubject: new Map(marks.bySubject).set(subject, { issuedAt, number }) });
}

export function isOlder(one: Mark, other: Mark): boolean {
  if (one.issuedAt < other.issuedAt) return true;
  return other.number !== null && (one.number === null || one.number < other.number);
}

const markText = ({ issuedAt, number }: Mark): string =>
  `issued ${new Date(issuedAt).toISOString()}${number === null ? '' : `, number ${number}`}`;
