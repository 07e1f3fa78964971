import { afterEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { StudyInProcess } from '../support/study-in-process.ts';
import { digestOf, START, testContract } from '../support/test-contract.ts';

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
