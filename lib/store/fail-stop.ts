import { RefusalError } from '../core/errors.ts';
import type { Store } from './store.ts';

/**
 * The same store, until one of its operations is refused or fails; from then on every operation rejects with that first
 * fault. What a program remembers may then be behind its disk, which may have done what it reported lost, so nothing
 * more may rest on it. `onFault`, called once, has to end the program: the next start reads what is true.
 */
export function failStop(store: Store, onFault: (fault: unknown) => void): Store {
  let failed: { readonly fault: unknown } | null = null;
  let closed = false;
  const fail = (fault: unknown): void => {
    failed ??= { fault };
    if (!closed && failed.fault === fault) onFault(fault);
  };
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (failed !== null) throw failed.fault;
    try {
      return await work();
    } catch (fault) {
      fail(fault);
      throw fault;
    }
  };
  const { events, blobs } = store;
  return {
    events: {
      append: (stream, expectedVersion, added) =>
        guarded(async () => {
          const appended = await events.append(stream, expectedVersion, added);
          if (!appended.ok) fail(new RefusalError(appended.error));
          return appended;
        }),
      version: (stream) => guarded(() => events.version(stream)),
      read: (stream, fromVersion, limit) => guarded(() => events.read(stream, fromVersion, limit)),
    },
    blobs: {
      put: (key, bytes) => guarded(() => blobs.put(key, bytes)),
      get: (key) => guarded(() => blobs.get(key)),
      keys: (prefix) => guarded(() => blobs.keys(prefix)),
      delete: (key) => guarded(() => blobs.delete(key)),
    },
    close() {
      closed = true;
      return store.close();
    },
  };
}
