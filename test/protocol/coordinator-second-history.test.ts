import { describe, expect, it, vi } from 'vitest';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { createMemoryDisk, type MemoryDisk } from '../../lib/store/memory.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import type { StudyEvent } from '../../lib/wire/study-codec.ts';
import { coordinatorDesk, type RunningCoordinator } from '../support/coordinator-desk.ts';
import { must } from '../support/study-in-memory.ts';
import { HOSPITALS, organisationSigner, START, testApproval, testContract } from '../support/test-contract.ts';
import { hostEnclave, type ServedEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
const { coordinatorOf, enclaveOn, loseStore } = coordinatorDesk(sealed);
/** Long enough for a coordinator that reconnects every 200 ms to do so several times. */
const A_WHILE_MS = 1_500;

const approveAll = async (coordinator: RunningCoordinator): Promise<void> => {
  for (const id of HOSPITALS) must(await coordinator.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
};
const copyOf = ({ streams, blobs }: MemoryDisk): MemoryDisk => ({ streams: new Map(streams), blobs: new Map(blobs) });
async function openRound(enclave: ServedEnclave, attempt: number): Promise<void> {
  must(await clientOf(enclave.connection, controlMethods).advance({ action: 'openRound', round: 1, attempt }));
}
const count = async (coordinator: RunningCoordinator, event: string): Promise<number> =>
  (await coordinator.log()).filter((line) => line['event'] === event).length;

async function toldOf({ researcher }: RunningCoordinator, kind: StudyEvent['kind']): Promise<StudyEvent> {
  const over = new AbortController();
  for await (const event of researcher.watch({ fromSequence: 0 }, over)) {
    if (event.kind !== kind) continue;
    over.abort();
    return event;
  }
  throw new Error(`never told of ${kind}`);
}

/** The study fails, its watchers are told, and the coordinator leaves the enclave alone. */
async function expectLeft(coordinator: RunningCoordinator): Promise<void> {
  expect(await toldOf(coordinator, 'studyFinished')).toMatchObject({ outcome: 'failed', code: 'E-STATEMENT-CHAIN' });
  expect(must(await coordinator.researcher.getStatus({})).phase).toBe('failed');
  const refused = { ok: false, error: { code: 'E-STATEMENT-CHAIN' } };
  expect(await coordinator.researcher.launch({ rounds: 1 })).toMatchObject(refused);
  await new Promise((resolve) => setTimeout(resolve, A_WHILE_MS));
  expect([await count(coordinator, 'enclave.connected'), await count(coordinator, 'enclave.left')]).toEqual([1, 1]);
}

describe('PROTOCOL §7: an enclave that tells a second history', () => {
  it('another genesis of the same contract: the study fails by name; with the right enclave it can be launched again', async () => {
    const disk = createMemoryDisk();
    const first = await coordinatorOf(await enclaveOn(hostEnclave(disk)));
    await approveAll(first);
    must(await first.researcher.launch({ rounds: 1 }));
    expect(await toldOf(first, 'phaseChanged')).toMatchObject({ phase: 'gathering' });
    await first.stop();

    const begunAnew = await coordinatorOf(await enclaveOn());
    await expectLeft(begunAnew);
    await begunAnew.stop();

    const right = await coordinatorOf(await enclaveOn(hostEnclave(disk)));
    expect(must(await right.researcher.getStatus({})).phase).toBe('failed');
    must(await right.researcher.launch({ rounds: 1 }));
  });

  it('a copy of its disk that went another way', async () => {
    const disk = createMemoryDisk();
    const before = await enclaveOn(hostEnclave(disk));
    const first = await coordinatorOf(before);
    await approveAll(first);
    const copy = copyOf(disk);
    await openRound(before, 1);
    await vi.waitFor(async () => {
      const { statements } = must(await first.researcher.getStatements({ fromCounter: 0, limit: 10 }));
      expect(statements).toHaveLength(2);
    });
    await first.stop();

    const fork = await enclaveOn(hostEnclave(copy));
    const again = await coordinatorOf(fork);
    await openRound(fork, 2);
    await expectLeft(again);
  });
});

describe('a coordinator that lost its disk altogether', () => {
  it('has approvals and withdrawals back from the enclave, and launches by itself what was launched by itself', async () => {
    const [adler, birch, , dogwood] = HOSPITALS;
    if (adler === undefined || birch === undefined || dogwood === undefined) throw new Error('four hospitals');
    const enclave = await enclaveOn();
    const first = await coordinatorOf(enclave);
    await approveAll(first);
    const fields = { contract: sealed.digest, organisation: dogwood, at: START };
    const withdrawal = signWithdrawal(fields, organisationSigner(dogwood));
    must(await first.callAs(dogwood).submitWithdrawal({ withdrawal }));
    await first.stop();
    await loseStore();

    const fresh = await coordinatorOf(enclave, { autoLaunchRounds: 3 });
    expect(await toldOf(fresh, 'phaseChanged')).toMatchObject({ phase: 'gathering' });
    expect(must(await fresh.callAs(birch).getContract({})).approvals).toHaveLength(3);
    const again = await fresh.callAs(dogwood).submitApproval({ approval: testApproval(sealed, dogwood, 200) });
    expect(again).toMatchObject({ ok: false, error: { code: 'E-SITE-WITHDRAWN' } });
  });
});
