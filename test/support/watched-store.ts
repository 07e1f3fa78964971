import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import type { Store } from '../../lib/store/store.ts';

export interface Write {
  readonly kind: 'append' | 'put' | 'delete';
  readonly key: string;
}

/** A store that notes every write; `cut` says which write never happens: the program dies there. */
export function watched(disk: MemoryDisk, cut: (write: Write) => boolean = () => false): Store & { writes: Write[] } {
  const store = openMemoryStore(disk);
  const writes: Write[] = [];
  const note = (write: Write): void => {
    if (cut(write)) throw new RefusalError(refusal('E-STORE-IO', `cut at ${write.kind}`));
    writes.push(write);
  };
  return {
    ...store,
    writes,
    events: {
      ...store.events,
      append: async (stream, version, events) => {
        note({ kind: 'append', key: stream });
        return store.events.append(stream, version, events);
      },
    },
    blobs: {
      ...store.blobs,
      put: async (key, bytes) => {
        note({ kind: 'put', key });
        return store.blobs.put(key, bytes);
      },
      delete: async (key) => {
        note({ kind: 'delete', key });
        return store.blobs.delete(key);
      },
    },
  };
}

/** The kinds of writes, in order. */
export const writesOf = (store: { writes: Write[] }): string => store.writes.map(({ kind }) => kind).join(' ');
