import { createHash } from 'node:crypto';
import { concatBytes } from '../../core/bytes.ts';

/** One event of a log that the attesting machine hands over: nothing in it is true before its register replays. */
export interface MeasuredEvent {
  /** Register that it extended: 0 to 3 for RTMR0 to RTMR3; -1: MRTD, which is not extended. */
  readonly register: number;
  readonly type: number;
  /** Name, where the format has one; else empty. */
  readonly name: string;
  /** 48 bytes, SHA-384: what the register was extended by. */
  readonly digest: Uint8Array;
  readonly content: Uint8Array;
  /** The digest is the content's own; if not, the content may be anything, whatever the register says. */
  readonly contentBound: boolean;
}

export const sha384 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash('sha384')
      .update(concatBytes(...parts))
      .digest(),
  );

/** RTMR0 to RTMR3 after all events in order: SHA-384 of the value so far and the digest (Intel TDX Module, TDG.MR.RTMR.EXTEND). */
export const replay = (events: readonly MeasuredEvent[]): Uint8Array[] =>
  [0, 1, 2, 3].map((register) =>
    events
      .filter((event) => event.register === register)
      .reduce<Uint8Array>((value, { digest }) => sha384(value, digest), new Uint8Array(48)),
  );
