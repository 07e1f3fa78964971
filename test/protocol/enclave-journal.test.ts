import { describe, expect, it } from 'vitest';
import { sealContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { encodeWeights } from '../../lib/learning/weights.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import type { Store } from '../../lib/store/store.ts';
import { EnclaveOnStore } from '../support/enclave-on-store.ts';
import { must } from '../support/study-in-memory.ts';
import { watched, writesOf } from '../support/watched-store.ts';
import { START, testContract } from '../support/test-contract.ts';

const { contract } = testContract();
const sealed = must(
  sealContract({
    ...contract,
    rounds: 9,
    organisations: contract.organisations.slice(0, 2),
    kMin: 2,
    requireSites: [],
  }),
);
const close = { type: 'close-collection', at: START, salt: sealed.digest } as const;

const copyOf = (disk: MemoryDisk): MemoryDisk => ({ streams: new Map(disk.streams), blobs: new Map(disk.blobs) });
const keysOf = (disk: MemoryDisk): string[] => [...disk.blobs.keys()];

async function begun(disk = createMemoryDisk()): Promise<{ study: EnclaveOnStore; disk: MemoryDisk }> {
  return { study: await EnclaveOnStore.start(sealed, openMemoryStore(disk)), disk };
}

/** The same study in another boot of the enclave; what the old boot had in memory is gone. */
const reboot = (study: EnclaveOnStore, store: Store): Promise<EnclaveOnStore> =>
  EnclaveOnStore.start(sealed, store, study.sites);

describe('what an enclave keeps of its models (PROTOCOL §3)', () => {
  it('is the newest one, sealed, whatever the number of rounds; none before the first result', async () => {
    const { study, disk } = await begun();
    expect(keysOf(disk)).toEqual([]);
    const sizes: number[] = [];
    for (const round of [1, 2, 3, 4]) {
      const before = keysOf(disk);
      await study.commit(round);
      expect(keysOf(disk)).toHaveLength(round === 1 ? 1 : 2);
      await study.acknowledge();
      await study.deliver();
      expect(keysOf(disk)).toHaveLength(1);
      expect(keysOf(disk)).not.toEqual(before);
      sizes.push(disk.blobs.get(keysOf(disk)[0] ?? '')?.length ?? 0);
    }
    expect(new Set(sizes).size).toBe(1);
  });

  it('no weight of a released model is in clear, in a name, or in a record', async () => {
    const { study, disk } = await begun();
    await study.run(1);
    const { model } = study.ledger;
    if (model.content === null) throw new Error('no content');
    const weights = Buffer.from(encodeWeights(model.content.weights));
    const everything = Buffer.concat([...disk.blobs.values(), ...[...disk.streams.values()].flat()]);
    expect(everything.includes(weights)).toBe(false);
    expect(keysOf(disk).join()).not.toContain(toHex(model.digest));
  });

  it('is put before the record that names it, and deleted after the one that drops it', async () => {
    const disk = createMemoryDisk();
    const store = watched(disk);
    const study = await EnclaveOnStore.start(sealed, store);
    await study.run(1);
    store.writes.length = 0;
    await study.collect(2);
    // The Manifest, the Certificate; commits and updates are not stored.
    expect(writesOf(store)).toBe('append append');
    store.writes.length = 0;
    await study.command(close);
    expect(writesOf(store)).toBe('put append');
    await study.catchUp();
    store.writes.length = 0;
    await study.acknowledge();
    // The first acknowledgement; the second with the release; then the parent's content.
    expect(writesOf(store)).toBe('append append delete');
  });
});

describe('a boot after a crash between two writes', () => {
  it('between content and Intent: the attempt aborts, the content that nothing names is deleted', async () => {
    const disk = createMemoryDisk();
    let dying = false;
    const study = await EnclaveOnStore.start(
      sealed,
      watched(disk, ({ kind }) => dying && kind === 'append'),
    );
    await study.run(1);
    const kept = keysOf(disk);
    await study.collect(2);
    dying = true;
    await expect(study.enclave.handle(close)).rejects.toThrow(RefusalError);
    expect(keysOf(disk)).toHaveLength(2);
    const again = await reboot(study, openMemoryStore(disk));
    expect(again.enclave.state.phase).toBe('aborted');
    expect(keysOf(disk)).toEqual(kept);
    await again.catchUp();
    await again.run(2, 2);
    expect(again.ledger.model.round).toBe(2);
  });

  it('between release and deletion: the released content stays, its parent’s is deleted', async () => {
    const disk = createMemoryDisk();
    let dying = false;
    const study = await EnclaveOnStore.start(
      sealed,
      watched(disk, ({ kind }) => dying && kind === 'delete'),
    );
    await study.run(1);
    const [parent] = keysOf(disk);
    await study.commit(2);
    dying = true;
    await expect(study.acknowledge()).rejects.toThrow(RefusalError);
    expect(keysOf(disk)).toHaveLength(2);
    const again = await reboot(study, openMemoryStore(disk));
    expect(again.enclave.state.phase).toBe('released');
    expect(keysOf(disk)).toHaveLength(1);
    expect(keysOf(disk)).not.toContain(parent);
    await again.deliver();
    await again.run(3);
    expect(again.ledger.model.round).toBe(3);
  });

  it('behind the Intent: the sealed result is released, to the bit (§7.8)', async () => {
    const { study, disk } = await begun();
    await study.run(1);
    await study.commit(2);
    const undisturbed = copyOf(disk);
    await study.acknowledge();
    const again = await reboot(study, openMemoryStore(undisturbed));
    expect(again.enclave.state.phase).toBe('committed');
    await again.acknowledge();
    expect(again.ledger.model.content).toEqual(study.ledger.model.content);
    expect(toHex(again.ledger.model.digest)).toBe(toHex(study.ledger.model.digest));
  });

  it('goes on from a disk that holds rounds of it, with all that the next round is computed from', async () => {
    const { study, disk } = await begun();
    for (const round of [1, 2, 3]) await study.run(round);
    const again = await reboot(study, openMemoryStore(disk));
    expect(again.ledger).toMatchObject({ model: study.ledger.model, attempts: 0 });
    expect(again.ledger.latest).toEqual(study.ledger.latest);
  });
});

describe('a host that hides, alters or exchanges contents', () => {
  async function threeRounds(): Promise<{ study: EnclaveOnStore; disk: MemoryDisk; older: MemoryDisk }> {
    const { study, disk } = await begun();
    await study.run(1);
    const older = copyOf(disk);
    await study.run(2);
    return { study, disk, older };
  }
  const bootOn = async (study: EnclaveOnStore, disk: MemoryDisk): Promise<string> => {
    const fault = await reboot(study, openMemoryStore(disk)).catch((thrown: unknown) => thrown);
    return fault instanceof RefusalError ? fault.refusals[0].code : 'booted';
  };

  it('is refused', async () => {
    const { study, disk, older } = await threeRounds();
    const [name] = keysOf(disk);
    const [sealedContent] = disk.blobs.values();
    const [olderContent] = older.blobs.values();
    if (name === undefined || sealedContent === undefined || olderContent === undefined)
      throw new Error('nothing kept');
    const withContent = (content: Uint8Array | null): MemoryDisk => {
      const blobs = new Map(disk.blobs);
      if (content === null) blobs.delete(name);
      else blobs.set(name, content);
      return { streams: new Map(disk.streams), blobs };
    };
    expect(await bootOn(study, withContent(null))).toBe('E-STORE-DAMAGED');
    expect(await bootOn(study, withContent(sealedContent.with(40, (sealedContent[40] ?? 0) ^ 1)))).toBe(
      'E-STORE-SEALED',
    );
    expect(await bootOn(study, withContent(olderContent))).toBe('E-STORE-SEALED');
    expect(await bootOn(study, withContent(new Uint8Array()))).toBe('E-STORE-SEALED');
    expect(await bootOn(study, withContent(sealedContent))).toBe('booted');
  });
});

describe('the statements that an enclave tells from its journal', () => {
  it('are the whole chain, from anywhere, in this boot and the next, while memory holds the newest few', async () => {
    const { study, disk } = await begun();
    for (const round of [1, 2, 3, 4]) await study.run(round);
    const all = await study.statements();
    expect(all.map(({ digest }) => toHex(digest))).toEqual(study.ledger.chain.map(toHex));
    expect(study.ledger.recent).toHaveLength(8);
    const again = await reboot(study, openMemoryStore(disk));
    for (let counter = 0; counter <= all.length; counter++)
      expect(await again.statements(counter)).toEqual(all.slice(counter));
    expect(await again.statements(all.length + 7)).toEqual([]);
  });

  it('are refused when the host altered a record or the one before it', async () => {
    const { study, disk } = await begun();
    for (const round of [1, 2, 3]) await study.run(round);
    const records = disk.streams.get('sealed') ?? [];
    // Not at a boot, which would refuse it all: under a running enclave.
    for (const [index, record] of records.entries()) record.set([(record[20] ?? 0) ^ 1], 20 + (index % 3));
    await expect(study.statements()).rejects.toThrow(RefusalError);
  });
});
