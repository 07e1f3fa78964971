import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { Store } from '../../lib/store/store.ts';
import type { FaultPort } from './fault-port.ts';
import type { ProgramLife } from './program-life.ts';

interface Parts {
  readonly program: string;
  readonly port: FaultPort;
  readonly life: ProgramLife;
}

/** A store whose every write passes a fault port; a write that fails rejects with E-STORE-IO. */
export function faultyStore(store: Store, { program, port, life }: Parts): Store {
  const { events, blobs } = store;
  const write = <T>(what: string, perform: () => Promise<T>): Promise<T> =>
    port.through({ program, kind: 'write', what }, { life, perform, failed: diskFailed });
  return {
    events: {
      append: (stream, expected, added) =>
        added.length === 0
          ? life.seen(events.append(stream, expected, added))
          : write(`append to ${kindOf(stream)}`, () => events.append(stream, expected, added)),
      version: (stream) => life.seen(events.version(stream)),
      read: (stream, from, limit) => life.seen(events.read(stream, from, limit)),
    },
    blobs: {
      put: (key, bytes) => write(`put ${kindOf(key)}`, () => blobs.put(key, bytes)),
      get: (key) => life.seen(blobs.get(key)),
      keys: (prefix) => life.seen(blobs.keys(prefix)),
      delete: (key) => write(`delete ${kindOf(key)}`, () => blobs.delete(key)),
    },
    close: () => store.close(),
  };
}

function diskFailed(): never {
  throw new RefusalError(refusal('E-STORE-IO', 'injected'));
}

/** Names of streams and blobs end in digests, of which a table of faults has no use. */
const kindOf = (name: string): string => name.replace(/[ /-]?[0-9a-f]{64}.*$/, '');
