import type { SealedContract } from '../lib/contract/study-contract.ts';
import { toHex } from '../lib/core/bytes.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import { eachEvent } from '../lib/store/each-event.ts';
import type { EventStore } from '../lib/store/event-store.ts';
import { decodeSiteEvent } from './event-codec.ts';
import type { SiteEvent } from './event.ts';
import { evolve } from './evolve.ts';
import type { SiteState } from './state.ts';

/** One stream for each contract: a store outlives contracts (PROTOCOL §7.9). */
export const siteStream = (contract: Digest): string => `site ${toHex(contract)}`;

export interface ReplayedSite {
  readonly state: SiteState;
  /** Events in the stream. */
  readonly version: number;
}

/** What this store remembers of one contract; `onEvent` is told of every event. Throws RefusalError on a log that cannot be read. */
export async function replaySite(
  events: EventStore,
  sealed: SealedContract,
  initial: SiteState,
  onEvent: (event: SiteEvent) => void = () => undefined,
): Promise<ReplayedSite> {
  let state = initial;
  let version = 0;
  for await (const bytes of eachEvent(events, siteStream(sealed.digest))) {
    const event = decodeSiteEvent(bytes);
    if (!event.ok) throw new RefusalError(event.error);
    state = evolve(state, event.value);
    version += 1;
    onEvent(event.value);
  }
  return { state, version };
}
