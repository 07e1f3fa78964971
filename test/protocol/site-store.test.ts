import { beforeAll, describe, expect, it } from 'vitest';
import { encodeMessage, type EnclaveMessage } from '../../lib/audit/session-message.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import type { Store } from '../../lib/store/store.ts';
import { Agent } from '../../site-agent/agent.ts';
import { beginContract } from '../../site-agent/begin-contract.ts';
import { keptModel } from '../../site-agent/kept-models.ts';
import { MemoryStudy } from '../support/study-in-memory.ts';
import { START, testContract } from '../support/test-contract.ts';
import { openLedger } from '../support/test-ledger.ts';
import { watched, writesOf } from '../support/watched-store.ts';

const sealed = testContract();
const ROUNDS = 3;
/** What a hospital that takes no part is told of each round: the statements, then the release. */
const told: EnclaveMessage[][] = [];
let study: MemoryStudy;

beforeAll(() => {
  study = new MemoryStudy(sealed);
  const others = study.sites.filter((site) => site !== study.site('birch'));
  let seen = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    study.run(round, others);
    const statements = study.enclave.statements().slice(seen);
    seen += statements.length;
    told.push([
      { type: 'history', statements: statements.map(({ bytes }) => bytes) },
      { type: 'release', bundle: study.enclave.bundle(), weights: study.enclave.weights() },
    ]);
  }
});

async function startAgent(store: Store): Promise<Agent> {
  const { environment, endorsement } = study.site('birch');
  const initial = await beginContract({ environment, store, readModel: async () => null });
  const ports = {
    events: store.events,
    blobs: store.blobs,
    now: () => START,
    endorse: () => endorsement,
    ledger: await openLedger(store.events, sealed),
    train: () => Promise.reject(new Error('it takes no part')),
    onEvent: () => undefined,
    onModel: async () => undefined,
    onHeadAsked: () => undefined,
    onRefused: () => undefined,
    onFault: () => undefined,
  };
  return Agent.start(environment, ports, initial);
}

/** One session in which the enclave tells of these rounds. */
async function hear(agent: Agent, ...rounds: number[]): Promise<void> {
  const messages = rounds.flatMap((round) => told[round - 1] ?? []).map(encodeMessage);
  const { publicKey: bootKey } = study.enclave.environment.signer;
  await agent.serve({ bootKey, send: async () => undefined, next: async () => messages.shift() ?? null });
}

const modelsOn = ({ blobs }: MemoryDisk): string[] => [...blobs.keys()].filter((key) => key.startsWith('model/'));
const nameOf = (agent: Agent): string => `model/${toHex(agent.state.model.digest)}`;
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'started',
    (fault: unknown) => (fault instanceof RefusalError ? fault.refusals[0].code : String(fault)),
  );

describe('what a hospital keeps of models', () => {
  it('is the newest one, whatever the number of rounds; its weights are in no event', async () => {
    const disk = createMemoryDisk();
    const agent = await startAgent(openMemoryStore(disk));
    expect(modelsOn(disk)).toEqual([]);
    for (let round = 1; round <= ROUNDS; round++) {
      await hear(agent, round);
      expect(agent.state.model.round).toBe(round);
      expect(modelsOn(disk)).toEqual([nameOf(agent)]);
      const weights = Buffer.from(study.enclave.weights());
      expect(Buffer.concat([...disk.streams.values()].flat()).includes(weights)).toBe(false);
    }
    const again = await startAgent(openMemoryStore(disk));
    expect(again.state).toEqual(agent.state);
    expect(await keptModel(openMemoryStore(disk).blobs, again.state.model, study.site('birch').environment)).toEqual(
      study.site('birch').model(),
    );
  });

  it('is put before the event that names it, and the one before erased after it', async () => {
    const store = watched(createMemoryDisk());
    const agent = await startAgent(store);
    await hear(agent, 1);
    store.writes.length = 0;
    await hear(agent, 2);
    // Four statements, then the release.
    expect(writesOf(store)).toBe('append append append append put append delete');
  });
});

describe('an agent that is started after a crash between two writes', () => {
  it('between weights and event: the weights that nothing names are erased, and taken again', async () => {
    const disk = createMemoryDisk();
    let dying = false;
    const dead = await startAgent(
      watched(disk, ({ kind }) => {
        dying ||= kind === 'put' && modelsOn(disk).length === 1;
        return dying && kind === 'append';
      }),
    );
    await hear(dead, 1);
    const kept = modelsOn(disk);
    await expect(hear(dead, 2)).rejects.toThrow(RefusalError);
    expect(modelsOn(disk)).toHaveLength(2);
    const agent = await startAgent(openMemoryStore(disk));
    expect(agent.state.model.round).toBe(1);
    expect(modelsOn(disk)).toEqual(kept);
    await hear(agent, 2, 3);
    expect(modelsOn(disk)).toEqual([nameOf(agent)]);
  });

  it('between event and erasure: what is too old is erased', async () => {
    const disk = createMemoryDisk();
    const dead = await startAgent(watched(disk, ({ kind }) => kind === 'delete'));
    await hear(dead, 1);
    await expect(hear(dead, 2)).rejects.toThrow(RefusalError);
    expect(modelsOn(disk)).toHaveLength(2);
    const agent = await startAgent(openMemoryStore(disk));
    expect(agent.state.model.round).toBe(2);
    expect(modelsOn(disk)).toEqual([nameOf(agent)]);
  });

  it('of a store without its weights, or with others under their name, is refused', async () => {
    const disk = createMemoryDisk();
    const agent = await startAgent(openMemoryStore(disk));
    await hear(agent, 1, 2);
    const name = nameOf(agent);
    const weights = disk.blobs.get(name) ?? new Uint8Array();
    disk.blobs.set(name, weights.with(0, (weights[0] ?? 0) ^ 1));
    expect(await codeOf(startAgent(openMemoryStore(disk)))).toBe('E-STORE-DAMAGED');
    disk.blobs.delete(name);
    expect(await codeOf(startAgent(openMemoryStore(disk)))).toBe('E-STORE-DAMAGED');
    disk.blobs.set(name, weights);
    expect(await codeOf(startAgent(openMemoryStore(disk)))).toBe('started');
  });
});
