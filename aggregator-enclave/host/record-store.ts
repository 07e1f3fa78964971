import type { Store } from '../../lib/store/store.ts';
import type { RecordStore } from '../sealed-journal.ts';

/** The core's port on a store of the host's: one stream of records, and blobs under keys that begin with its name. */
export function recordStoreOn({ events, blobs }: Store, stream: string): RecordStore {
  const keyOf = (name: string): string => `${stream} ${name}`;
  return {
    append: (expected, records) => events.append(stream, expected, records),
    read: (from, limit) => events.read(stream, from, limit),
    blobs: {
      put: (name, sealed) => blobs.put(keyOf(name), sealed),
      get: (name) => blobs.get(keyOf(name)),
      names: async () => (await blobs.keys(keyOf(''))).map((key) => key.slice(keyOf('').length)),
      delete: (name) => blobs.delete(keyOf(name)),
    },
  };
}
