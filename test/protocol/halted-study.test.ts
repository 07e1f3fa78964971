import { describe, expect, it, vi } from 'vitest';
import { NOTHING_SEEN } from '../../lib/audit/chain.ts';
import type { EnclaveMessage } from '../../lib/audit/session-message.ts';
import { headOf, openStatement } from '../../lib/audit/statement.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { createMemoryDisk } from '../../lib/store/memory.ts';
import { coordinatorDesk, type RunningCoordinator } from '../support/coordinator-desk.ts';
import { HostileSite } from '../support/hostile-site.ts';
import { copyOf } from '../support/round-in-process.ts';
import { must } from '../support/study-in-memory.ts';
import { HOSPITALS, testApproval, testContract } from '../support/test-contract.ts';
import { hostEnclave, type HostedEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
const { coordinatorOf, enclaveOn } = coordinatorDesk(sealed);
const FOLLOWER = organisationId('cedar');

/** A hospital's session with an enclave behind its real host; `head`: the newest statement it has seen. */
const joins = ({ host }: HostedEnclave, head = NOTHING_SEEN): Promise<HostileSite> =>
  HostileSite.join({ sealed, accept: (duplex) => host.accept(duplex) }, FOLLOWER, head);

interface Followed {
  readonly statement: Uint8Array;
  readonly publication: Uint8Array;
}

/** What a hospital has of its head that followed `enclave` to statement `counter`. */
async function followed(enclave: HostedEnclave, counter: number): Promise<Followed> {
  const site = await joins(enclave);
  await site.say({ type: 'sync', head: null, round: 0 });
  const publications: Uint8Array[] = [];
  for (;;) {
    const said: EnclaveMessage = await site.hear();
    if (said.type === 'publication') publications.push(said.publication);
    if (said.type !== 'statement' || must(openStatement(said.statement)).statement.counter < counter) continue;
    await site.leave();
    // Of the newest boot, which signed it.
    const publication = publications.at(-1);
    if (publication === undefined) throw new Error('no publication before its statements');
    return { statement: said.statement, publication };
  }
}

async function proves(enclave: HostedEnclave, { statement, publication }: Followed): Promise<void> {
  const head = headOf(must(openStatement(statement)));
  const site = await joins(enclave, head);
  await site.say({ type: 'sync', head, round: 0 }, { type: 'head-proof', statement, publication });
  expect(await site.listen()).toContainEqual(expect.objectContaining({ type: 'refused', code: 'E-STATE-BEHIND' }));
}

const statusOf = async ({ researcher }: RunningCoordinator) => must(await researcher.getStatus({}));

async function eventuallyFails(coordinator: RunningCoordinator): Promise<void> {
  const code = 'E-STATE-BEHIND';
  const patience = { timeout: 30_000, interval: 20 };
  await vi.waitFor(async () => {
    expect(await statusOf(coordinator)).toMatchObject({ phase: 'failed', code });
  }, patience);
  // A coordinator that has just started may not have heard it yet: what it launches then fails with the same code.
  await vi.waitFor(async () => {
    expect(await coordinator.researcher.launch({ rounds: 1 })).toMatchObject({ ok: false, error: { code } });
  }, patience);
  expect(await statusOf(coordinator)).toMatchObject({ phase: 'failed', code });
}

describe('PROTOCOL §7.14: an enclave that halts', () => {
  it('fails the study with its code, again after every restart, and the newest disk can be launched again', async () => {
    const old = createMemoryDisk();
    const behind = hostEnclave(old);
    const first = await coordinatorOf(await enclaveOn(behind));
    for (const id of HOSPITALS) must(await first.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
    must(await first.researcher.launch({ rounds: 1 }));

    // Its disk is copied; a newer state comes to be on the copy, and a hospital follows it.
    const newest = copyOf(old);
    const ahead = hostEnclave(newest);
    await ahead.host.resume();
    must(await ahead.host.advance({ action: 'openRound', round: 1, attempt: 1 }));
    await proves(behind, await followed(ahead, 1));
    await eventuallyFails(first);
    expect(behind.log.filter(({ event }) => event === 'enclave.halted')).toEqual([
      expect.objectContaining({ code: 'E-STATE-BEHIND' }),
    ]);
    await first.stop();

    const again = await coordinatorOf(await enclaveOn(hostEnclave(old)));
    await eventuallyFails(again);
    await again.stop();

    const right = await coordinatorOf(await enclaveOn(hostEnclave(newest)));
    expect(await statusOf(right)).toMatchObject({ phase: 'failed', code: 'E-STATE-BEHIND' });
    must(await right.researcher.launch({ rounds: 1 }));
    expect(await statusOf(right)).toMatchObject({ code: null });
  });
});
