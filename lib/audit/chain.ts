import type { Head } from '../contract/shapes.ts';
import { bytesEqual } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { SignedStatement } from './statement.ts';

/** Digest of every statement seen, index = counter: what a party remembers of the enclave's statement chain. */
export type Chain = readonly Digest[];

/** What a party that has seen no statement says of its head where a head must stand (PROTOCOL §4.3). */
export const NOTHING_SEEN: Head = { counter: 0, digest: new Uint8Array(32) as Digest };

export function headOfChain(chain: Chain): Head | null {
  const newest = chain.at(-1);
  return newest === undefined ? null : { counter: chain.length - 1, digest: newest };
}

/** True when `head` is a statement of this chain; null (nothing seen yet) is on every chain. */
export function isOnChain(chain: Chain, head: Head | null): boolean {
  if (head === null) return true;
  const known = chain[head.counter];
  return known !== undefined && bytesEqual(known, head.digest);
}

/**
 * Appends a statement that links from the head (PROTOCOL §7). A statement already on the chain changes nothing, so
 * that repeats are harmless; another one at a known place is a fork and is refused.
 */
export function follow(chain: Chain, next: SignedStatement): Result<{ chain: Chain; repeated: boolean }, Refusal> {
  const { counter, previous } = next.statement;
  const known = chain[counter];
  if (known !== undefined) {
    if (bytesEqual(known, next.digest)) return ok({ chain, repeated: true });
    return refuse(counter, 'two statements for one place');
  }
  if (counter !== chain.length) return refuse(counter, `a gap after ${chain.length - 1}`);
  const newest = chain.at(-1);
  const links = newest === undefined ? previous === null : previous !== null && bytesEqual(previous, newest);
  if (!links) return refuse(counter, 'it names another predecessor');
  if ((newest === undefined) !== (next.statement.type === 'genesis'))
    return refuse(counter, 'genesis stands first and only there');
  return ok({ chain: [...chain, next.digest], repeated: false });
}

const refuse = (counter: number, why: string): Result<never, Refusal> =>
  err(refusal('E-STATEMENT-CHAIN', `statement ${counter}: ${why}`));
