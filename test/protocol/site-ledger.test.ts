import { afterEach, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../lib/audit/session-message.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { epsilonAfter, mechanismOf } from '../../lib/privacy/mechanism.ts';
import type { LedgerEntry } from '../../lib/privacy/ledger.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import { Agent } from '../../site-agent/agent.ts';
import { storeAcceptedBackup } from '../../site-agent/accepted-backups.ts';
import { beginContract } from '../../site-agent/begin-contract.ts';
import type { OverlayFile } from '../../site-agent/overlay-file.ts';
import { readLedger } from '../../site-agent/privacy-ledger.ts';
import { noisePlan, noisyContract } from '../support/noisy-contract.ts';
import { MemoryStudy } from '../support/study-in-memory.ts';
import { successorOf } from '../support/successor-contract.ts';
import { openLedger } from '../support/test-ledger.ts';
import { watched } from '../support/watched-store.ts';
import { closeCollection, collectUpdates, copyOf, openRound, runRound, until } from '../support/round-in-process.ts';
import { StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { START, testContract } from '../support/test-contract.ts';

const ID = organisationId('birch');
const terms = { rounds: 4, privacy: noisePlan('enclave', { noiseMultiplier: 2.5 }) };
const sealed = noisyContract('enclave', terms);
const mechanism = mechanismOf(sealed.contract);
if (mechanism === null) throw new Error('noise');
const { delta } = mechanism.plan;
const budgetFor = (rounds: number): OverlayFile['privacy'] => ({
  budget: { epsilon: epsilonAfter(mechanism, rounds), delta },
});

const sitePlan = noisePlan('site', { noiseMultiplier: 2.5 });
const siteMechanism = mechanismOf(noisyContract('site', { privacy: sitePlan }).contract);
if (siteMechanism === null) throw new Error('noise');
const siteBudget = (rounds: number): OverlayFile['privacy'] => ({
  budget: { epsilon: epsilonAfter(siteMechanism, rounds), delta: sitePlan.delta },
});

let study: StudyInProcess | null = null;
afterEach(() => {
  study?.stop();
  study = null;
});

async function running(contract: SealedContract, privacy: OverlayFile['privacy']): Promise<StudyInProcess> {
  study = await StudyInProcess.start(contract, { privacy: { [ID]: privacy } });
  study.connect();
  return study;
}

function siteOf({ sites }: StudyInProcess): SiteInProcess {
  const site = sites.find(({ id }) => id === ID);
  if (site === undefined) throw new Error('no such site');
  return site;
}

const others = ({ sites }: StudyInProcess): SiteInProcess[] => sites.filter(({ id }) => id !== ID);
const entriesOn = async (disk: MemoryDisk): Promise<readonly LedgerEntry[]> =>
  (await readLedger(openMemoryStore(disk).events)).entries;
const roundsOn = async (disk: MemoryDisk): Promise<number[]> => (await entriesOn(disk)).map(({ round }) => round);
/** Without what only those know who trained: statements tell of a round, and not what its bytes followed from. */
const toldOn = async (disk: MemoryDisk): Promise<unknown[]> =>
  (await entriesOn(disk)).map(({ binding: _, previous: _p, ...told }) => told);
const codes = (site: SiteInProcess): string[] => site.refusals.map(({ code }) => code);

describe('PROTOCOL §7.5: a hospital with a privacy budget', () => {
  it('takes part until the round that would exceed it, declines that one, and goes on receiving models', async () => {
    const now = await running(sealed, budgetFor(2));
    await runRound(now, { round: 1 });
    await runRound(now, { round: 2 });
    const site = siteOf(now);
    expect(await roundsOn(site.disk)).toEqual([1, 2]);
    await runRoundWithout(now, 3);
    expect(codes(site)).toEqual(['E-BUDGET-SPENT']);
    expect(site.refusals[0]?.detail).toMatch(
      /^all contracts on this dataset: .* 0\.0000 is left, round 3 costs 0\.\d+$/,
    );
    expect(site.trained).toEqual([1, 2]);
    expect(site.agent.state.model.round).toBe(3);
    expect(await roundsOn(site.disk)).toEqual([1, 2]);
    for (const other of others(now)) expect(await roundsOn(other.disk)).toEqual([1, 2, 3]);
  });

  it('debits before it trains: the entry is on the disk while the training runs', async () => {
    const now = await running(sealed, budgetFor(3));
    const site = siteOf(now);
    site.hold();
    await openRound(now, { round: 1 });
    const parent = site.agent.state.model.digest;
    await now.command({ type: 'lock-cohort', at: START });
    await until(() => site.trained.length === 1);
    expect((await entriesOn(site.disk)).map((entry) => [toHex(entry.parent), entry.round])).toEqual([
      [toHex(parent), 1],
    ]);
    expect(site.agent.state.spent.size).toBe(0);
    site.letGo();
  });

  it('pays once for a parent, however many attempts and starts it takes', async () => {
    const now = await running(sealed, budgetFor(1));
    await collectUpdates(now, { round: 1 });
    await now.command({ type: 'abort-round', at: START });
    await until(() => now.sites.every(({ agent }) => agent.state.activity.phase === 'waiting'));
    const again = await now.restartSite(ID);
    now.connect([again]);
    await runRound(now, { round: 1, attempt: 2 });
    expect(codes(again)).toEqual([]);
    expect(await roundsOn(again.disk)).toEqual([1]);
  });

  it('pays again where a new store would train other noise for a parent that it has sent an update for', async () => {
    for (const [rounds, want] of [
      [1, 'E-BUDGET-SPENT'],
      [2, null],
    ] as const) {
      const now = await running(noisyContract('site', { privacy: sitePlan }), siteBudget(rounds));
      await collectUpdates(now, { round: 1 });
      const { disk: old } = siteOf(now);
      await now.command({ type: 'abort-round', at: START });
      await until(() => now.sites.every(({ agent }) => agent.state.activity.phase === 'waiting'));
      // The store is lost, the ledger beside it is not.
      const disk = createMemoryDisk();
      disk.streams.set('privacy-ledger', [...(old.streams.get('privacy-ledger') ?? [])]);
      const fresh = await now.restartSite(ID, disk);
      now.connect([fresh]);
      await until(() => fresh.agent.state.behind !== null);
      const { behind: counter } = fresh.agent.state;
      const { events } = openMemoryStore(disk);
      await storeAcceptedBackup(events, { contract: now.sealed.digest, counter: counter ?? -1 });
      const told = codes(fresh).length;
      await openRound(now, { round: 1, attempt: 2, sites: want === null ? now.sites : others(now) });
      await now.command({ type: 'lock-cohort', at: START });
      await until(() => fresh.trained.length > 0 || codes(fresh).length > told);
      expect([codes(fresh).slice(told), fresh.trained]).toEqual(want === null ? [[], [1]] : [[want], []]);
      expect(await roundsOn(disk)).toEqual(want === null ? [1, 1] : [1]);
      now.stop();
    }
  });

  it('stays out of every round of a contract without noise, and says why', async () => {
    const now = await running(testContract(), budgetFor(2));
    await runRoundWithout(now, 1);
    const site = siteOf(now);
    expect(codes(site)).toEqual(['E-BUDGET-UNBOUNDED']);
    expect(site.trained).toEqual([]);
  });
});

describe('PROTOCOL §7.9: what a store remembers beyond a contract', () => {
  it('another contract on the same dataset finds the money spent; one on another dataset does not', async () => {
    const first = await running(sealed, budgetFor(2));
    await runRound(first, { round: 1 });
    await runRound(first, { round: 2 });
    const spent = siteOf(first).disk;
    first.stop();
    for (const [dataset, want] of [
      [{}, ['E-BUDGET-SPENT']],
      [{ dataset: 'heart.csv' }, ['E-BUDGET-SPENT']],
      [{ dataset: 'another' }, []],
    ] as const) {
      // The same hospital with its ledger and nothing else of that study.
      const disk = createMemoryDisk();
      disk.streams.set('privacy-ledger', [...(spent.streams.get('privacy-ledger') ?? [])]);
      const second = await StudyInProcess.start(noisyContract('enclave', { ...terms, retentionDays: 60 }), {
        privacy: { [ID]: { ...budgetFor(2), ...dataset } },
      });
      study = second;
      const site = await second.restartSite(ID, disk);
      second.connect();
      await openRound(second, { round: 1, sites: want.length === 0 ? second.sites : others(second) });
      const { agent, refusals } = site;
      await until(() => agent.state.activity.phase === 'committed' || refusals.length > 0);
      expect(codes(site)).toEqual(want);
      second.stop();
    }
  });
});

describe('PROTOCOL §7.9: a successor contract on the same store', () => {
  it('finds what the contract before has spent', async () => {
    const first = await running(sealed, budgetFor(2));
    await runRound(first, { round: 1 });
    await runRound(first, { round: 2 });
    const passport = siteOf(first).passports.get(2) ?? new Uint8Array();
    const next = successorOf(sealed, passport);
    first.stop();
    const second = await StudyInProcess.succeed(next, passport);
    study = second;
    for (const { id, disk } of first.sites) await second.join(id, disk, undefined, { [ID]: budgetFor(2) });
    second.connect();
    // An enclave of a successor is given its model by a hospital.
    await until(() => {
      const { state } = second.enclave;
      return state.phase !== 'unborn' && state.ledger.model.content !== null;
    });
    await runRoundWithout(second, 1);
    expect(codes(siteOf(second))).toEqual(['E-BUDGET-SPENT']);
    expect(await roundsOn(siteOf(second).disk)).toEqual([1, 2]);
    for (const other of others(second)) expect(await roundsOn(other.disk)).toEqual([1, 2, 1]);
  });
});

describe('PROTOCOL §7.13: a store that was put back', () => {
  it('debits what the statements tell of, before it remembers it, and once', async () => {
    const now = await running(sealed, budgetFor(3));
    await runRound(now, { round: 1 });
    const backup = copyOf(siteOf(now).disk);
    const torn = copyOf(backup);
    await runRound(now, { round: 2 });
    const whole = await toldOn(siteOf(now).disk);
    const restored = await now.restartSite(ID, backup);
    now.connect([restored]);
    await until(() => restored.agent.state.model.round === 2);
    expect(codes(restored)).toEqual(['E-SITE-BEHIND']);
    expect(await toldOn(backup)).toEqual(whole);
    // Killed behind the entry and before the event that remembers the update: the statements come again.
    torn.streams.set('privacy-ledger', [...(backup.streams.get('privacy-ledger') ?? [])]);
    const again = await now.restartSite(ID, torn);
    now.connect([again]);
    await until(() => again.agent.state.model.round === 2);
    expect(again.agent.state.spent.size).toBe(2);
    expect(await toldOn(torn)).toEqual(whole);
  });

  it.each([
    ['cut short', 1],
    ['lost', 0],
  ])('a ledger that was %s alone is filled again from the log, once', async (_what, left) => {
    const now = await running(sealed, budgetFor(3));
    await runRound(now, { round: 1 });
    await runRound(now, { round: 2 });
    const { disk } = siteOf(now);
    const whole = await toldOn(disk);
    disk.streams.set('privacy-ledger', (disk.streams.get('privacy-ledger') ?? []).slice(0, left));
    for (let starts = 0; starts < 2; starts++) {
      await now.restartSite(ID);
      expect(await toldOn(disk)).toEqual(whole);
    }
  });

  it('is paid for before the log remembers it', async () => {
    const past = new MemoryStudy(sealed);
    past.run(1);
    const { environment, endorsement } = past.site(ID);
    const store = watched(createMemoryDisk());
    const initial = await beginContract({ environment, store, readModel: async () => null });
    const agent = await Agent.start(
      environment,
      {
        ...{ events: store.events, blobs: store.blobs, ledger: await openLedger(store.events, sealed) },
        ...{ now: () => START, endorse: () => endorsement, train: () => Promise.reject(new Error('it is behind')) },
        ...{ onEvent: () => undefined, onModel: async () => undefined, onHeadAsked: () => undefined },
        ...{ onRefused: () => undefined, onFault: () => undefined },
      },
      initial,
    );
    store.writes.length = 0;
    const statements = past.enclave.statements().map(({ bytes }) => bytes);
    const messages = [encodeMessage({ type: 'history', statements })];
    const { publicKey: bootKey } = past.enclave.environment.signer;
    await agent.serve({ bootKey, send: async () => undefined, next: async () => messages.shift() ?? null });
    // The boot key, genesis, manifest; then the certificate that names this hospital, and what follows.
    const order = store.writes.map(({ key }) => (key === 'privacy-ledger' ? 'ledger' : 'log'));
    expect(order.join(' ')).toBe('log log log ledger log log log');
  });

  it('an empty store finds every round it was in, whatever its budget', async () => {
    const now = await running(sealed, budgetFor(2));
    await runRound(now, { round: 1 });
    await runRound(now, { round: 2 });
    const whole = await toldOn(siteOf(now).disk);
    const disk = createMemoryDisk();
    const fresh = await now.restartSite(ID, disk);
    now.connect([fresh]);
    await until(() => fresh.agent.state.model.round === 2);
    expect(await toldOn(disk)).toEqual(whole);
  });
});

/** One round of which the hospital stays out, and whose model it gets. */
async function runRoundWithout(now: StudyInProcess, round: number): Promise<void> {
  await collectUpdates(now, { round, sites: others(now) });
  await closeCollection(now);
  await until(() => now.sites.every(({ agent }) => agent.state.model.round === round));
}
