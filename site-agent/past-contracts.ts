import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { EventStore } from '../lib/store/event-store.ts';
import { replaySite, type ReplayedSite } from './replay-site.ts';
import { initialSiteState, type ModelName } from './state.ts';

/** A contract that this store has worked under, and what it remembers of it. */
export interface PastContract extends ReplayedSite {
  readonly sealed: SealedContract;
}

/** The model before round 1. */
export const startOf = ({ contract }: SealedContract): ModelName => ({
  round: 0,
  digest: contract.model.initialDigest,
});

/** Replays every contract of `listed`. Throws RefusalError E-STORE-FORMAT on what cannot be read. */
export async function readPast(
  events: EventStore,
  listed: readonly SealedContract[],
): Promise<readonly PastContract[]> {
  const past: PastContract[] = [];
  for (const sealed of listed)
    past.push({ sealed, ...(await replaySite(events, sealed, initialSiteState(startOf(sealed)))) });
  return past;
}
