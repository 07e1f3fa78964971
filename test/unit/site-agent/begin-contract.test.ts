import { beforeAll, describe, expect, it } from 'vitest';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { RefusalError } from '../../../lib/core/errors.ts';
import { encodeModelFile } from '../../../lib/learning/model-file.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../../lib/store/memory.ts';
import type { Store } from '../../../lib/store/store.ts';
import { storeAcceptedBackup } from '../../../site-agent/accepted-backups.ts';
import { Agent, type AgentPorts } from '../../../site-agent/agent.ts';
import { beginContract } from '../../../site-agent/begin-contract.ts';
import { encodeSiteEvent } from '../../../site-agent/event-codec.ts';
import { keepModel } from '../../../site-agent/kept-models.ts';
import { siteStream } from '../../../site-agent/replay-site.ts';
import type { SiteState } from '../../../site-agent/state.ts';
import { MemoryStudy, type MemorySite } from '../../support/study-in-memory.ts';
import { successorOf } from '../../support/successor-contract.ts';
import { openLedger } from '../../support/test-ledger.ts';
import { digestOf, START, testContract } from '../../support/test-contract.ts';

let study: MemoryStudy;
let next: SealedContract;
let site: MemorySite;

beforeAll(() => {
  study = new MemoryStudy(testContract());
  study.run(1);
  study.run(2);
  next = successorOf(study.sealed, study.enclave.bundle());
  site = study.site('birch');
});

type Ports = Pick<Store, 'events' | 'blobs'>;
const begin = (
  sealed: SealedContract,
  store: Ports,
  readModel: () => Promise<Uint8Array | null> = async () => null,
): Promise<SiteState> =>
  beginContract({ environment: { sealed, layout: layoutOf(sealed.contract.model.spec) }, store, readModel });

/** A store that has worked under the first contract for two rounds. */
async function storeWithPast(disk: MemoryDisk = createMemoryDisk()): Promise<MemoryDisk> {
  const store = openMemoryStore(disk);
  await begin(study.sealed, store);
  await keepModel(store.blobs, site.model());
  await store.events.append(siteStream(study.sealed.digest), 0, site.log.map(encodeSiteEvent));
  return disk;
}

const copyOf = ({ streams, blobs }: MemoryDisk): MemoryDisk => ({
  streams: new Map([...streams].map(([name, events]) => [name, [...events]])),
  blobs: new Map(blobs),
});

async function startAgent(sealed: SealedContract, disk: MemoryDisk, initial: SiteState): Promise<Agent> {
  const store = openMemoryStore(disk);
  const ledger = await openLedger(store.events, sealed);
  return Agent.start({ ...site.environment, sealed }, { ...silent, ...store, ledger }, initial);
}

const silent: Omit<AgentPorts, 'events' | 'blobs' | 'ledger'> = {
  now: () => START,
  endorse: () => site.endorsement,
  train: async () => new Uint8Array(),
  onEvent: () => undefined,
  onModel: async () => undefined,
  onHeadAsked: () => undefined,
  onRefused: () => undefined,
  onFault: () => undefined,
};

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const fault = await work.then(
    () => 'accepted',
    (reason: unknown) => reason,
  );
  if (!(fault instanceof RefusalError)) return String(fault);
  const [{ code, detail }] = fault.refusals;
  return `${code}: ${detail}`;
}

describe('a store that begins a contract', () => {
  it('the first one, with the weights that everybody computes; and again when it is started again', async () => {
    const disk = createMemoryDisk();
    const first = await begin(study.sealed, openMemoryStore(disk));
    expect(first.model).toEqual({ round: 0, digest: study.sealed.contract.model.initialDigest });
    const before = copyOf(disk);
    expect(await begin(study.sealed, openMemoryStore(disk))).toEqual(first);
    expect(disk).toEqual(before);
  });

  it('a successor: with the model it has, its ledger, and the end of everything under the contract before', async () => {
    const disk = await storeWithPast();
    const initial = await begin(next, openMemoryStore(disk));
    expect(initial.model).toEqual({ ...site.state.model, round: 0 });
    const agent = await startAgent(next, disk, initial);
    expect(agent.state.spent).toEqual(site.state.spent);
    expect(agent.state).toMatchObject({ chain: [], supersededBy: null, withdrawal: null });
    expect(agent.state.released).toEqual({ round: 0, digest: next.contract.model.initialDigest, head: null });
    const old = await begin(study.sealed, openMemoryStore(disk));
    expect(await refusalOf(startAgent(study.sealed, disk, old))).toBe(
      `E-CONTRACT-SUPERSEDED: by ${toHex(next.digest)}`,
    );
  });

  it('a successor, while an agent of the contract before is running: that one can store nothing more', async () => {
    const disk = await storeWithPast();
    const old = await startAgent(study.sealed, disk, await begin(study.sealed, openMemoryStore(disk)));
    await begin(next, openMemoryStore(disk));
    const link = { bootKey: digestOf('a new boot') as never, send: async () => undefined, next: async () => null };
    expect(await refusalOf(old.serve(link))).toContain('E-STORE-CONFLICT');
    expect(await refusalOf(old.serve(link))).toContain('E-STORE-CONFLICT');
  });

  it('a successor it has begun before, without looking at the past again', async () => {
    const disk = await storeWithPast();
    const initial = await begin(next, openMemoryStore(disk));
    const before = copyOf(disk);
    expect(await begin(next, openMemoryStore(disk))).toEqual(initial);
    expect(disk).toEqual(before);
  });

  it('a third contract, from the model that the second released', async () => {
    const disk = await storeWithPast();
    await begin(next, openMemoryStore(disk));
    const third = successorOf(next, study.enclave.bundle(), { rounds: 2 });
    const again = successorOf(study.sealed, study.enclave.bundle(), { rounds: 5 });
    // No release under the second: its successor names a head that this store has not seen, over a model it has.
    expect((await begin(third, openMemoryStore(copyOf(disk)))).model.digest).toEqual(site.state.model.digest);
    const initial = await begin(again, openMemoryStore(disk));
    expect((await startAgent(again, disk, initial)).state.spent).toEqual(site.state.spent);
    const old = await begin(next, openMemoryStore(disk));
    expect(await refusalOf(startAgent(next, disk, old))).toContain('E-CONTRACT-SUPERSEDED');
  });
});

describe('a store refuses a contract, and stays as it was', () => {
  it.each<[string, (disk: MemoryDisk) => Promise<unknown>, string]>([
    [
      'that goes on from an older release',
      (disk) => {
        const older = new MemoryStudy(testContract());
        older.run(1);
        return begin(successorOf(study.sealed, older.enclave.bundle()), openMemoryStore(disk));
      },
      'E-PARENT-REUSED',
    ],
    ['of another study', (disk) => begin(testContract({ rounds: 9 }), openMemoryStore(disk)), 'E-CHANNEL-CONTRACT'],
  ])('%s', async (_what, play, code) => {
    const disk = await storeWithPast();
    const before = copyOf(disk);
    expect(await refusalOf(play(disk))).toContain(code);
    expect(disk).toEqual(before);
  });

  it('whose initial weights nobody can compute, although it succeeds no other', async () => {
    const { model } = study.sealed.contract;
    const odd = testContract({ model: { ...model, initialDigest: digestOf('odd') } });
    expect(await refusalOf(begin(odd, openMemoryStore()))).toContain('E-CONTRACT-INVALID: model.initialDigest');
  });

  it('while it is an old copy that nobody has accepted; then it goes on', async () => {
    const disk = await storeWithPast();
    const { events, blobs } = openMemoryStore(disk);
    const stream = siteStream(study.sealed.digest);
    await events.append(stream, site.log.length, [encodeSiteEvent({ type: 'behind-noticed', counter: 7 })]);
    const before = copyOf(disk);
    expect(await refusalOf(begin(next, { events, blobs }))).toContain('E-SITE-BEHIND');
    expect(disk).toEqual(before);
    await storeAcceptedBackup(events, { contract: study.sealed.digest, counter: 6 });
    expect(await refusalOf(begin(next, { events, blobs }))).toContain('E-SITE-BEHIND');
    await storeAcceptedBackup(events, { contract: study.sealed.digest, counter: 7 });
    expect((await begin(next, { events, blobs })).model.round).toBe(0);
  });

  it('of which it lost the bytes', async () => {
    const disk = await storeWithPast();
    disk.blobs.delete(`contract ${toHex(study.sealed.digest)}`);
    expect(await refusalOf(begin(next, openMemoryStore(disk)))).toContain('E-STORE-DAMAGED');
  });
});

describe('a hospital that joins a successor, or has lost its disk', () => {
  const file = (weights: Float32Array): Uint8Array => {
    const { schema, model } = study.sealed.contract;
    const { spec } = model;
    return encodeModelFile({ ...site.model(), weights, contract: study.sealed.digest, spec, schema });
  };

  it('starts from the model file that another hospital gave it, and needs it once', async () => {
    const disk = createMemoryDisk();
    const given = async (): Promise<Uint8Array> => file(site.model().weights);
    const initial = await begin(next, openMemoryStore(disk), given);
    expect(initial.model).toEqual({ ...site.state.model, round: 0 });
    expect(await begin(next, openMemoryStore(disk))).toEqual(initial);
    expect((await startAgent(next, disk, initial)).state.spent.size).toBe(0);
  });

  it('is told which model is missing', async () => {
    const want = `E-CONFIG: startingModel: this contract goes on from model ${toHex(site.state.model.digest)}`;
    expect(await refusalOf(begin(next, openMemoryStore()))).toContain(want);
  });

  it.each<[string, () => Uint8Array, string]>([
    ['another model', () => otherModel(), 'E-PREDECESSOR-INVALID: startingModel'],
    ['no model', () => new Uint8Array([1]), 'E-MODEL-FILE: startingModel'],
  ])('is refused with %s', async (_what, bytes, want) => {
    const disk = createMemoryDisk();
    expect(await refusalOf(begin(next, openMemoryStore(disk), async () => bytes()))).toContain(want);
    expect(disk).toEqual(createMemoryDisk());
  });

  function otherModel(): Uint8Array {
    const older = new MemoryStudy(testContract());
    older.run(1);
    const { contract, digest } = older.sealed;
    return encodeModelFile({
      ...older.site('birch').model(),
      contract: digest,
      spec: contract.model.spec,
      schema: contract.schema,
    });
  }
});

describe('a crash while a successor begins', () => {
  /** Fails the `nth` write (from 0), before or after it is done; every later call too. */
  function failing(disk: MemoryDisk, nth: number, done: boolean): { store: Ports; writes: () => number } {
    const { events, blobs } = openMemoryStore(disk);
    let writes = 0;
    const write = async <T>(work: () => Promise<T>): Promise<T> => {
      const own = writes++;
      if (own > nth) throw new Error('the process is gone');
      if (own === nth && !done) throw new Error('cut');
      const result = await work();
      if (own === nth) throw new Error('cut');
      return result;
    };
    return {
      writes: () => writes,
      store: {
        events: { ...events, append: (...given) => write(() => events.append(...given)) },
        blobs: {
          ...blobs,
          put: (...given) => write(() => blobs.put(...given)),
          delete: (...given) => write(() => blobs.delete(...given)),
        },
      },
    };
  }

  it('at every write, lost or done: the next start ends where an undisturbed one does', async () => {
    const past = await storeWithPast();
    const undisturbed = copyOf(past);
    const counting = failing(undisturbed, Infinity, true);
    const initial = await begin(next, counting.store);
    const writes = counting.writes();
    expect(writes).toBe(4);
    for (let nth = 0; nth < writes; nth++) {
      for (const done of [false, true]) {
        const disk = copyOf(past);
        expect(await refusalOf(begin(next, failing(disk, nth, done).store))).toBe('Error: cut');
        expect(await begin(next, openMemoryStore(disk))).toEqual(initial);
        expect(disk).toEqual(undisturbed);
      }
    }
  });

  it('and another successor begun instead: the first cannot be taken up with a ledger that is out of date', async () => {
    const disk = await storeWithPast();
    // Ended, ledger carried; not listed.
    await begin(next, failing(disk, 2, false).store).catch(() => undefined);
    const other = successorOf(study.sealed, study.enclave.bundle(), { rounds: 6 });
    const { events, blobs } = openMemoryStore(disk);
    await begin(other, { events, blobs });
    const debit = { parent: next.contract.model.initialDigest, commit: digestOf('an update under the other') };
    await events.append(siteStream(other.digest), 1, [encodeSiteEvent({ type: 'debited', ...debit })]);
    expect(await refusalOf(begin(next, { events, blobs }))).toContain('E-CONTRACT-SUPERSEDED');
  });
});
