import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CoreNotice } from '../../aggregator-enclave/notice.ts';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { openStatement } from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { must } from '../support/study-in-memory.ts';
import { StudyInProcess } from '../support/study-in-process.ts';
import { digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';

const contract = testContract();
const salt = digestOf('result salt');
let study: StudyInProcess | null = null;

afterEach(() => {
  study?.stop();
  study = null;
});

async function started(): Promise<StudyInProcess> {
  study = await StudyInProcess.start(contract);
  study.connect();
  return study;
}

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error('not yet');
    },
    { timeout: 10_000, interval: 5 },
  );

const phaseOf = ({ enclave: { state } }: StudyInProcess): string => state.phase;

async function runRound(
  running: StudyInProcess,
  { round, attempt = 1 }: { round: number; attempt?: number },
): Promise<void> {
  await running.command({ type: 'open-round', at: START, round, attempt });
  await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
  await running.command({ type: 'lock-cohort', at: START });
  await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 4);
  await running.command({ type: 'close-collection', at: START, salt });
  await until(
    () => phaseOf(running) === 'released' && running.sites.every(({ agent }) => agent.state.model.round === round),
  );
}

describe('PROTOCOL §4, §7: enclave core and agents over attested in-process channels', () => {
  it('runs rounds to the end with one model everywhere', async () => {
    const running = await started();
    for (const round of [1, 2, 3]) await runRound(running, { round });
    const digests = running.sites.map(({ agent }) => toHex(agent.state.model.digest));
    expect(new Set(digests).size).toBe(1);
    expect(running.sites.flatMap(({ refusals }) => refusals)).toEqual([]);
  });

  it('§7.8: an enclave restarted while collecting aborts; the sites send the same bytes again without training', async () => {
    const running = await started();
    await runRound(running, { round: 1 });
    await running.command({ type: 'open-round', at: START, round: 2, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 4);
    const announced = running.sites.map(({ agent }) => [...agent.state.spent.values()].map(toHex));
    await running.restartEnclave();
    expect(phaseOf(running)).toBe('aborted');
    for (const site of running.sites) site.stop();
    running.connect();
    await runRound(running, { round: 2, attempt: 2 });
    expect(running.sites.map(({ agent }) => [...agent.state.spent.values()].map(toHex))).toEqual(announced);
    expect(running.sites.map(({ trained }) => trained)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('§7.6, §7.8: an enclave restarted after the Intent releases the sealed result and no other', async () => {
    const running = await started();
    const [late, ...others] = running.sites;
    await running.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 4);
    late?.stop();
    await running.command({ type: 'close-collection', at: START, salt });
    await until(
      () =>
        running.enclave.state.phase === 'committed' && running.enclave.state.acknowledgements.size === others.length,
    );
    const sealed = running.enclave.state.phase === 'committed' ? toHex(running.enclave.state.result.model.digest) : '';
    await running.restartEnclave();
    expect(phaseOf(running)).toBe('committed');
    for (const site of running.sites) site.stop();
    running.connect();
    await until(() => running.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(new Set(running.sites.map(({ agent }) => toHex(agent.state.model.digest)))).toEqual(new Set([sealed]));
  });

  it('§7.3: a site restarted after its commit goes on with a new boot key', async () => {
    const running = await started();
    const id = organisationId('cedar');
    await running.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    const fresh = await running.restartSite(id);
    running.connect([fresh]);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 4);
    await running.command({ type: 'close-collection', at: START, salt });
    await until(
      () => phaseOf(running) === 'released' && running.sites.every(({ agent }) => agent.state.model.round === 1),
    );
    expect(fresh.refusals).toEqual([]);
  });

  it('§7: a site that missed rounds catches up by history and takes part again', async () => {
    const running = await started();
    const [absent, ...present] = running.sites;
    absent?.stop();
    await running.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 3);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 3);
    await running.command({ type: 'close-collection', at: START, salt });
    await until(() => phaseOf(running) === 'released' && present.every(({ agent }) => agent.state.model.round === 1));
    if (absent !== undefined) running.connect([absent]);
    await until(() => absent?.agent.state.model.round === 1);
    await runRound(running, { round: 2 });
  });
});

describe('HOUSE §3: what the host is told', () => {
  it('that updates came and from whom, and nothing of what is in them', async () => {
    const running = await started();
    const told: CoreNotice[] = [];
    running.enclave.listenForNotices((notice) => told.push(notice));
    await runRound(running, { round: 1 });
    const updates = told.filter(({ kind }) => kind === 'update');
    expect(updates).toHaveLength(4);
    for (const update of updates)
      expect(Object.keys(update).sort()).toEqual(['attempt', 'kind', 'organisation', 'round']);
    expect(new Set(told.map(({ kind }) => kind))).toEqual(
      new Set(['statement', 'commit', 'update', 'acknowledgement']),
    );
  });
});

describe('PROTOCOL §6.3: a hospital that leaves', () => {
  it('is heard by the enclave in its own session, stays out of the next round, and says it again after a restart', async () => {
    const running = await started();
    await runRound(running, { round: 1 });
    const id = organisationId('birch');
    const leaving = running.sites.find((site) => site.id === id);
    if (leaving === undefined) throw new Error('no such site');
    const withdrawal = signWithdrawal(
      { contract: contract.digest, organisation: id, at: START },
      organisationSigner(id),
    );
    await leaving.agent.withdraw(withdrawal);
    await until(() => running.enclave.state.phase !== 'unborn' && running.enclave.state.ledger.withdrawn.has(id));
    await running.command({ type: 'open-round', at: START, round: 2, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 3);
    await until(() => leaving.refusals.some(({ code }) => code === 'E-SITE-WITHDRAWN'));
    expect(leaving.trained).toEqual([1]);
    const again = await running.restartSite(id);
    expect(again.agent.state.withdrawal).toEqual(withdrawal);
  });

  it('sends nothing of an update that was announced but not yet on its way', async () => {
    const running = await started();
    const [leaving] = running.sites;
    if (leaving === undefined) throw new Error('no site');
    await running.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    leaving.hold();
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => leaving.trained.length === 1);
    const withdrawal = signWithdrawal(
      { contract: contract.digest, organisation: leaving.id, at: START },
      organisationSigner(leaving.id),
    );
    await leaving.agent.withdraw(withdrawal);
    leaving.letGo();
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 3);
    await until(
      () => running.enclave.state.phase !== 'unborn' && running.enclave.state.ledger.withdrawn.has(leaving.id),
    );
    expect(running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.has(leaving.id)).toBe(false);
  });
});

describe('PROTOCOL §7.5: a hospital that trains too long', () => {
  it('announces nothing for a round that went on without it, and takes part in the next', async () => {
    const running = await started();
    const [slow, ...others] = running.sites;
    if (slow === undefined) throw new Error('no site');
    slow.hold();
    await running.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 3);
    await running.command({ type: 'close-collection', at: START, salt });
    await until(() => phaseOf(running) === 'released' && others.every(({ agent }) => agent.state.model.round === 1));
    await until(() => slow.agent.state.model.round === 1);
    await running.command({ type: 'open-round', at: START, round: 2, attempt: 1 });
    await until(() => running.enclave.state.phase === 'open' && running.enclave.state.commits.size === 4);
    await running.command({ type: 'lock-cohort', at: START });
    await until(() => slow.agent.state.activity.phase === 'training');
    slow.letGo();
    await until(() => running.enclave.state.phase === 'collecting' && running.enclave.state.accepted.size === 4);
    expect(slow.trained).toEqual([1, 2]);
    // Of the update that nobody can use any more nothing is left.
    const updates = [...slow.disk.blobs.keys()].filter((key) => key.startsWith('update/'));
    expect(updates).toEqual([`update/${toHex(slow.agent.state.model.digest)}`]);
    const parents = [...slow.agent.state.spent.keys()];
    expect(parents).toEqual([toHex(slow.agent.state.model.digest)]);
  });
});

describe('PROTOCOL §7.1: the first boot', () => {
  it('leaves no statement whose key nobody vouches for, wherever the chip fails', async () => {
    study = await StudyInProcess.startWithSilentChip(contract);
    const { enclave } = study;
    const { state } = enclave;
    if (state.phase === 'unborn') throw new Error('no genesis');
    const keys = state.ledger.publications.map(({ bootKey }) => toHex(bootKey));
    const told = await enclave.statementsFrom(0);
    expect(told).toHaveLength(state.ledger.chain.length);
    for (const { statement } of told.map((bytes) => must(openStatement(bytes))))
      expect(keys).toContain(toHex(statement.bootKey));
  });
});

describe('a site that asks too much', () => {
  it('gets one synchronisation in one session', async () => {
    const running = await started();
    await runRound(running, { round: 1 });
    const [site] = running.sites;
    if (site === undefined) throw new Error('no site');
    await site.sendRaw({ type: 'sync', head: null, round: 0 });
    await until(() => site.ended);
  });
});
