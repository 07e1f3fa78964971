import { toHex } from '../lib/core/bytes.ts';
import type { Digest } from '../lib/core/ids.ts';
import type { EventStore } from '../lib/store/event-store.ts';

/** The same store with streams of this contract only: a coordinator that goes on under a successor begins its log anew. */
export function streamsOf(events: EventStore, contract: Digest): EventStore {
  const own = (stream: string): string => `${stream} ${toHex(contract)}`;
  return {
    append: (stream, expectedVersion, added) => events.append(own(stream), expectedVersion, added),
    version: (stream) => events.version(own(stream)),
    read: (stream, fromVersion, limit) => events.read(own(stream), fromVersion, limit),
  };
}
