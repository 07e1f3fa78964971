import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { RefusalError, refusal } from '../../../lib/core/errors.ts';
import { failStop } from '../../../lib/store/fail-stop.ts';
import { createMemoryDisk, openMemoryStore } from '../../../lib/store/memory.ts';
import type { Store } from '../../../lib/store/store.ts';

describe('a store that stops with its first fault', () => {
  const told: unknown[] = [];
  const onFault = (fault: unknown): void => void told.push(fault);
  const diskFull = new RefusalError(refusal('E-STORE-IO', 'full'));
  beforeEach(() => {
    told.length = 0;
  });

  /** Puts fail, everything else works: what is refused afterwards is refused by the wrapper alone. */
  function brokenStore(): Store {
    const store = openMemoryStore();
    return { ...store, blobs: { ...store.blobs, put: () => Promise.reject(diskFull) } };
  }

  it('is the store itself until then', async () => {
    const disk = createMemoryDisk();
    const store = failStop(openMemoryStore(disk), onFault);
    expect(await store.events.append('s', 0, [utf8('a'), utf8('b')])).toEqual({ ok: true, value: 2 });
    expect(await store.events.read('s', 1)).toEqual([utf8('b')]);
    expect(await store.events.read('s', 0, 1)).toEqual([utf8('a')]);
    expect(await store.events.version('s')).toBe(2);
    await store.blobs.put('k', utf8('v'));
    expect(await store.blobs.get('k')).toEqual(utf8('v'));
    expect(await store.blobs.keys('k')).toEqual(['k']);
    await store.blobs.delete('k');
    expect(disk.blobs.size).toBe(0);
    expect(told).toEqual([]);
  });

  it('tells of a failed write once, and does nothing more', async () => {
    const store = failStop(brokenStore(), onFault);
    await store.events.append('s', 0, [utf8('a')]);
    await expect(store.blobs.put('k', utf8('v'))).rejects.toBe(diskFull);
    await expect(store.events.append('s', 1, [utf8('b')])).rejects.toBe(diskFull);
    await expect(store.events.read('s')).rejects.toBe(diskFull);
    await expect(store.events.version('s')).rejects.toBe(diskFull);
    await expect(store.blobs.get('k')).rejects.toBe(diskFull);
    await expect(store.blobs.put('k', utf8('v'))).rejects.toBe(diskFull);
    await expect(store.blobs.keys('k')).rejects.toBe(diskFull);
    await expect(store.blobs.delete('k')).rejects.toBe(diskFull);
    expect(told).toEqual([diskFull]);
  });

  it('takes a conflict for a fault: somebody else writes this log', async () => {
    const disk = createMemoryDisk();
    const store = failStop(openMemoryStore(disk), onFault);
    await openMemoryStore(disk).events.append('s', 0, [utf8('of another program')]);
    expect(await store.events.append('s', 0, [utf8('a')])).toMatchObject({ error: { code: 'E-STORE-CONFLICT' } });
    await expect(store.events.append('s', 1, [utf8('a')])).rejects.toMatchObject({
      refusals: [{ code: 'E-STORE-CONFLICT' }],
    });
    expect(told).toMatchObject([{ refusals: [{ code: 'E-STORE-CONFLICT' }] }]);
    expect(disk.streams.get('s')).toHaveLength(1);
  });

  it('is silent about what comes after its end', async () => {
    const store = failStop(openMemoryStore(), onFault);
    await store.close();
    await expect(store.blobs.get('k')).rejects.toThrow('closed');
    expect(told).toEqual([]);
  });
});
