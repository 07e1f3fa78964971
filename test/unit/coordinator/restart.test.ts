import { beforeEach, describe, expect, it } from 'vitest';
import { Coordinator } from '../../../coordinator/coordinator.ts';
import type { CoordinatorCommand, CoordinatorEffect, CoordinatorEvent } from '../../../coordinator/event.ts';
import { StatementArchive } from '../../../coordinator/statement-archive.ts';
import { issueStatement, type SignedStatement } from '../../../lib/audit/statement.ts';
import { headOf } from '../../../lib/audit/statement.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../../lib/store/memory.ts';
import { must } from '../../support/study-in-memory.ts';
import {
  digestOf,
  HOSPITALS,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../../support/test-contract.ts';

const sealed = testContract();

/** A coordinator on `disk`, with what it asked for and what it told. */
async function boot(disk: MemoryDisk) {
  const performed: CoordinatorEffect[] = [];
  const told: { event: CoordinatorEvent; replayed: boolean }[] = [];
  const coordinator = await Coordinator.start(
    { sealed, gatherMs: 1000, maxAttempts: 3 },
    {
      events: openMemoryStore(disk).events,
      perform: (effect) => performed.push(effect),
      onEvent: (event, { replayed }) => told.push({ event, replayed }),
      onFault: (fault) => {
        throw fault;
      },
    },
  );
  const handle = async (command: CoordinatorCommand): Promise<unknown> => must(await coordinator.handle(command));
  return { coordinator, performed, told, handle };
}

/** Round 1 with every hospital committed: the coordinator has asked the enclave to lock the cohort. */
async function untilLockIsAsked(disk: MemoryDisk): Promise<void> {
  const { handle } = await boot(disk);
  for (const id of HOSPITALS) await handle({ type: 'receive-approval', at: START, approval: testApproval(sealed, id) });
  for (const organisation of HOSPITALS) await handle({ type: 'see-site', organisation, connected: true });
  await handle({ type: 'launch', rounds: 2 });
  await handle({ type: 'see-statement', statement: { type: 'manifest' }, round: 1, attempt: 1 });
  for (const organisation of HOSPITALS)
    await handle({ type: 'see-step', step: 'commit', organisation, round: 1, attempt: 1 });
}

describe('a coordinator that was killed', () => {
  const lock = { type: 'advance', action: 'lock-cohort', round: 1, attempt: 1 } as const;

  it('asks again for what it had stored and perhaps never sent', async () => {
    const disk = createMemoryDisk();
    await untilLockIsAsked(disk);
    const { coordinator, performed } = await boot(disk);
    expect(performed).toEqual([]);
    coordinator.takeUp();
    expect(performed).toContainEqual(lock);
  });

  it('does not ask again once the round has moved on', async () => {
    const disk = createMemoryDisk();
    await untilLockIsAsked(disk);
    const before = await boot(disk);
    const certificate = { type: 'certificate', members: HOSPITALS } as const;
    await before.handle({ type: 'see-statement', statement: certificate, round: 1, attempt: 1 });
    const { coordinator, performed } = await boot(disk);
    coordinator.takeUp();
    expect(performed).toEqual([{ type: 'timer', step: 'upload', ms: 20_000, round: 1, attempt: 1 }]);
  });

  it('still waits for the hospitals that were connected to it', async () => {
    const disk = createMemoryDisk();
    await untilLockIsAsked(disk);
    const { coordinator } = await boot(disk);
    expect([...coordinator.state.connected]).toEqual(HOSPITALS);
  });

  it('tells its story again from the beginning, marked as told before', async () => {
    const disk = createMemoryDisk();
    await untilLockIsAsked(disk);
    const { told, handle } = await boot(disk);
    expect(told.filter(({ event }) => event.type === 'approval-recorded')).toHaveLength(4);
    expect(told.every(({ replayed }) => replayed)).toBe(true);
    await handle({ type: 'stop' });
    expect(told.at(-1)).toMatchObject({ event: { type: 'study-ended' }, replayed: false });
  });
});

describe('the archive of statements', () => {
  const [genesis, manifest, other] = statements();
  const gaps: number[] = [];
  const onGap = (counter: number): void => void gaps.push(counter);
  beforeEach(() => {
    gaps.length = 0;
  });

  it('keeps the chain over a restart', async () => {
    const disk = createMemoryDisk();
    const archive = await StatementArchive.open(openMemoryStore(disk).events, { onGap });
    await archive.add(genesis);
    await archive.add(manifest);
    await archive.add(genesis);
    const again = await StatementArchive.open(openMemoryStore(disk).events, { onGap });
    expect(await again.from(0)).toEqual([genesis.bytes, manifest.bytes]);
    expect(await again.from(1)).toEqual([manifest.bytes]);
    expect(again.length).toBe(2);
  });

  it('tells of a gap and keeps nothing behind it', async () => {
    const archive = await StatementArchive.open(openMemoryStore().events, { onGap });
    await archive.add(manifest);
    expect(gaps).toEqual([0]);
    expect(await archive.from(0)).toEqual([]);
    await archive.add(genesis);
    await archive.add(manifest);
    expect(gaps).toEqual([0]);
    expect(await archive.from(0)).toEqual([genesis.bytes, manifest.bytes]);
  });

  it('refuses a second history', async () => {
    const archive = await StatementArchive.open(openMemoryStore().events, { onGap });
    await archive.add(genesis);
    await archive.add(manifest);
    await expect(archive.add(other)).rejects.toMatchObject({ refusals: [{ code: 'E-STATEMENT-CHAIN' }] });
    expect(await archive.from(1)).toEqual([manifest.bytes]);
  });
});

function statements(): [SignedStatement, SignedStatement, SignedStatement] {
  const signer = organisationSigner('enclave');
  const contract = sealed.digest;
  const genesis = issueStatement(
    { type: 'genesis', contract, at: START, noiseRoot: digestOf('root'), model: digestOf('model'), predecessor: null },
    null,
    signer,
  );
  const manifestOf = (attempt: number): SignedStatement =>
    issueStatement(
      {
        type: 'manifest',
        ...{ contract, at: START, round: 1, attempt, parent: digestOf('model'), commitBy: START },
        privacy: sealed.contract.privacy,
        ledger: null,
      },
      headOf(genesis),
      signer,
    );
  return [genesis, manifestOf(1), manifestOf(2)];
}
