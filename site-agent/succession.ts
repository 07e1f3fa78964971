import type { Head } from '../lib/contract/shapes.ts';
import type { Predecessor, SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual, fromHex, toHex } from '../lib/core/bytes.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import { sameUpdateTerms } from '../lib/privacy/update-terms.ts';
import type { Debit } from './event.ts';
import type { PastContract } from './past-contracts.ts';

/**
 * Whether this hospital goes on under `sealed` after what it remembers (PROTOCOL §6.1): then every debit of every contract
 * before, which go over (§7.9). `past`: oldest first; empty for a hospital that joins, or has lost its disk.
 * E-CHANNEL-CONTRACT for a contract that does not belong to the study of this store; E-PARENT-REUSED for one that would
 * ask for a second result of a model that this hospital has sent its update for.
 */
export function succeed(past: readonly PastContract[], sealed: SealedContract): Result<readonly Debit[], Refusal> {
  const newest = past.at(-1);
  const spent = debitsOf(past);
  if (newest === undefined) return ok(spent);
  const { predecessor, study, model } = sealed.contract;
  if (predecessor === null || study.id !== newest.sealed.contract.study.id) {
    const detail = 'this store belongs to another contract, which this one does not succeed';
    return err(refusal('E-CHANNEL-CONTRACT', detail, compared(sealed.digest, newest.sealed.digest)));
  }
  const linked = placeOf(past, predecessor);
  if (!linked.ok) return linked;
  const sent = spent.some(({ parent }) => bytesEqual(parent, model.initialDigest));
  if (!sent) return ok(spent);
  // The one model for which an update has gone and no result can exist: after its release nothing came of it.
  if (linked.value === null || !bytesEqual(linked.value, model.initialDigest))
    return reused('this hospital has sent its update for the model that the contract starts from');
  if (hasOpenIntent(past, model.initialDigest))
    return reused(
      'this hospital has acknowledged a result of the model that the contract starts from, and not seen it',
    );
  const { initialDigest } = model;
  // The same bytes would go again: made with another clip or noise than the new contract's passports tell of.
  const others = past.filter(({ state }) => state.spent.has(toHex(initialDigest)));
  return others.every((one) => sameUpdateTerms(one.sealed.contract, sealed.contract))
    ? ok(spent)
    : reused(
        'this hospital has sent its update for the model that the contract starts from, under other terms of noise',
      );
}

const reused = (detail: string, place?: { got: string; want: string }): Result<never, Refusal> =>
  err(refusal('E-PARENT-REUSED', detail, place));

function debitsOf(past: readonly PastContract[]): readonly Debit[] {
  const spent = new Map(past.flatMap(({ state }) => [...state.spent]));
  return [...spent].map(([parent, commit]) => ({ parent: (fromHex(parent) ?? new Uint8Array()) as Digest, commit }));
}

/**
 * The model of the release that `predecessor` names, when it is the newest that this hospital knows; null when it lies
 * beyond everything that this hospital has seen of that contract, or the contract itself does: the enclave has checked
 * its passport. Refused when this hospital knows a newer release, or another statement at that place.
 */
function placeOf(
  past: readonly PastContract[],
  { contract, head, round }: Predecessor,
): Result<Digest | null, Refusal> {
  const index = past.findIndex(({ sealed }) => bytesEqual(sealed.digest, contract));
  const released = past.findLastIndex(({ state }) => state.released.head !== null);
  const named = past[index];
  const newest = past[released];
  if (named === undefined) return ok(null);
  const { state } = named;
  if (released <= index) {
    if (state.released.head !== null && sameHead(state.released.head, head)) return ok(state.released.digest);
    if (head.counter >= state.chain.length) return ok(null);
  }
  const known = newest?.state.released;
  const want = known === undefined || newest === undefined ? 'no release' : placeText(newest, known);
  const got = `round ${round} of ${toHex(contract)}, statement ${head.counter} ${toHex(head.digest)}`;
  return reused('the contract does not go on from the newest release that this hospital knows', { got, want });
}

function placeText({ sealed }: PastContract, { round, head }: PastContract['state']['released']): string {
  const at = head === null ? '' : `, statement ${head.counter} ${toHex(head.digest)}`;
  return `round ${round} of ${toHex(sealed.digest)}${at}`;
}

const sameHead = (a: Head, b: Head): boolean => a.counter === b.counter && bytesEqual(a.digest, b.digest);

/** Acknowledged, and neither released nor given up as far as this hospital saw: somebody may hold the result. */
function hasOpenIntent(past: readonly PastContract[], parent: Digest): boolean {
  return past.some(
    ({ state: { activity } }) =>
      activity.phase === 'acknowledged' && bytesEqual(activity.manifest.statement.parent, parent),
  );
}

const compared = (got: Digest, want: Digest): { got: string; want: string } => ({ got: toHex(got), want: toHex(want) });
