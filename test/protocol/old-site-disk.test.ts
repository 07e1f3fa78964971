import { afterEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import { storeAcceptedBackup } from '../../site-agent/accepted-backups.ts';
import { trainingSecret } from '../../site-agent/training-secret.ts';
import { StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { digestOf, START, testContract } from '../support/test-contract.ts';

const ID = organisationId('birch');
let study: StudyInProcess | null = null;

afterEach(() => {
  study?.stop();
  study = null;
});

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error('not yet');
    },
    { timeout: 20_000, interval: 5 },
  );

const copyOf = ({ streams, blobs }: MemoryDisk): MemoryDisk => ({
  streams: new Map([...streams].map(([name, events]) => [name, [...events]])),
  blobs: new Map(blobs),
});

/** One round with `members` hospitals, until everybody has its model. */
async function runRound(running: StudyInProcess, round: number, members: number): Promise<void> {
  const enclave = running.enclave;
  await running.command({ type: 'open-round', at: START, round, attempt: 1 });
  await until(() => enclave.state.phase === 'open' && enclave.state.commits.size === members);
  await running.command({ type: 'lock-cohort', at: START });
  await until(() => enclave.state.phase === 'collecting' && enclave.state.accepted.size === members);
  await running.command({ type: 'close-collection', at: START, salt: digestOf('result salt') });
  await until(() => running.sites.every(({ agent }) => agent.state.model.round === round));
}

const codes = (site: SiteInProcess): string[] => site.refusals.map(({ code }) => code);

describe('PROTOCOL §7.13: an agent on a store that was put back', () => {
  it('stays out with E-SITE-BEHIND, takes the releases, and takes part again when it is accepted', async () => {
    const running = (study = await StudyInProcess.start(testContract({ rounds: 5 })));
    running.connect();
    await runRound(running, 1, 4);
    const before = running.sites.find(({ id }) => id === ID);
    if (before === undefined) throw new Error('no such site');
    const backup = copyOf(before.disk);
    await runRound(running, 2, 4);
    const spent = [...before.agent.state.spent.values()].map(toHex);

    const restored = await running.restartSite(ID, backup);
    running.connect([restored]);
    await until(() => restored.agent.state.model.round === 2);
    expect(codes(restored)).toEqual(['E-SITE-BEHIND']);
    expect([...restored.agent.state.spent.values()].map(toHex)).toEqual(spent);
    await runRound(running, 3, 3);
    expect(codes(restored)).toEqual(['E-SITE-BEHIND', 'E-SITE-BEHIND']);

    // As `consilium site accept-backup` does, through a handle of its own while the agent runs.
    const { events } = openMemoryStore(backup);
    const { behind: counter } = restored.agent.state;
    await storeAcceptedBackup(events, { contract: running.sealed.digest, counter: counter ?? -1 });
    await runRound(running, 4, 4);
    expect(codes(restored)).toHaveLength(2);
    expect(restored.trained).toEqual([4]);

    // What was accepted is remembered, and what another study or statement was accepted for means nothing.
    await storeAcceptedBackup(events, { contract: digestOf('another study'), counter: 1 });
    const again = await running.restartSite(ID);
    running.connect([again]);
    await runRound(running, 5, 4);
    expect(codes(again)).toEqual([]);
  });

  it('accepted while the agent was stopped: it takes part as soon as it runs', async () => {
    const running = (study = await StudyInProcess.start(testContract()));
    running.connect();
    await runRound(running, 1, 4);
    // A new disk remembers nothing at all.
    const disk = createMemoryDisk();
    const fresh = await running.restartSite(ID, disk);
    running.connect([fresh]);
    await until(() => fresh.agent.state.model.round === 1);
    const { behind: counter } = fresh.agent.state;
    fresh.stop();
    const { events } = openMemoryStore(disk);
    await storeAcceptedBackup(events, { contract: digestOf('another study'), counter: counter ?? -1 });
    await storeAcceptedBackup(events, { contract: running.sealed.digest, counter: (counter ?? -1) + 1 });
    const unmoved = await running.restartSite(ID);
    running.connect([unmoved]);
    await runRound(running, 2, 3);
    expect(unmoved.agent.state.behind).toBe(counter);
    unmoved.stop();
    await storeAcceptedBackup(events, { contract: running.sealed.digest, counter: counter ?? -1 });
    const accepted = await running.restartSite(ID);
    running.connect([accepted]);
    await runRound(running, 3, 4);
    expect(codes(accepted)).toEqual([]);
  });
});

describe('the training secret', () => {
  it('is drawn once for a store and stays in it', async () => {
    const disk = createMemoryDisk();
    let drawn = 0;
    const draw = (): Uint8Array => new Uint8Array(32).fill((drawn += 1));
    const first = await trainingSecret(openMemoryStore(disk).events, draw);
    expect(first).toEqual(new Uint8Array(32).fill(1));
    expect(await trainingSecret(openMemoryStore(copyOf(disk)).events, draw)).toEqual(first);
    expect(drawn).toBe(1);
    expect(await trainingSecret(openMemoryStore().events, draw)).not.toEqual(first);
  });

  it('that was cut short is refused', async () => {
    const disk = createMemoryDisk();
    disk.streams.set('training-secret', [new Uint8Array(31)]);
    const read = trainingSecret(openMemoryStore(disk).events, () => new Uint8Array(32));
    await expect(read).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-DAMAGED' }] });
  });
});
