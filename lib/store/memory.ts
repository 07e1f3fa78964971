import type { Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { conflict } from './conflict.ts';
import { checkLimit, checkName, checkVersion, type Store } from './store.ts';

/** What outlives a closed handle within one process: the stand-in for a disk. */
export interface MemoryDisk {
  readonly streams: Map<string, Uint8Array[]>;
  readonly blobs: Map<string, Uint8Array>;
}

export const createMemoryDisk = (): MemoryDisk => ({ streams: new Map(), blobs: new Map() });

/** Keeps everything in this process. "Power loss" is the loss of `disk`: use it for tests and throw-away runs only. */
export function openMemoryStore(disk: MemoryDisk = createMemoryDisk()): Store {
  let open = true;
  const use = (name: string): void => {
    if (!open) throw new Error('the store is closed');
    checkName(name);
  };
  return {
    events: {
      async append(stream, expectedVersion, events): Promise<Result<number, Refusal>> {
        use(stream);
        checkVersion(expectedVersion);
        const held = disk.streams.get(stream) ?? [];
        if (held.length !== expectedVersion) {
          return err(conflict(stream, { got: held.length, want: expectedVersion }));
        }
        if (events.length > 0) disk.streams.set(stream, [...held, ...events.map((event) => event.slice())]);
        return ok(held.length + events.length);
      },
      async version(stream) {
        use(stream);
        return disk.streams.get(stream)?.length ?? 0;
      },
      async read(stream, fromVersion = 0, limit = Infinity) {
        use(stream);
        checkVersion(fromVersion);
        checkLimit(limit);
        const held = disk.streams.get(stream) ?? [];
        return held.slice(fromVersion, fromVersion + limit).map((event) => event.slice());
      },
    },
    blobs: {
      async put(key, bytes) {
        use(key);
        disk.blobs.set(key, bytes.slice());
      },
      async get(key) {
        use(key);
        return disk.blobs.get(key)?.slice() ?? null;
      },
      async keys(prefix) {
        use(prefix);
        return [...disk.blobs.keys()].filter((key) => key.startsWith(prefix));
      },
      async delete(key) {
        use(key);
        disk.blobs.delete(key);
      },
    },
    async close() {
      open = false;
    },
  };
}
