import { describe, expect, it } from 'vitest';
import { EnclaveLink, type EnclaveControl } from '../../../coordinator/enclave-link.ts';
import type { CoordinatorCommand } from '../../../coordinator/event.ts';
import { StatementArchive } from '../../../coordinator/statement-archive.ts';
import { sealContract } from '../../../lib/contract/study-contract.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../../lib/store/memory.ts';
import { must } from '../../support/study-in-memory.ts';
import { START, testApproval, testContract } from '../../support/test-contract.ts';
import { captureLog } from '../telemetry/capture-log.ts';
import { hostEnclave, type HostedEnclave } from '../wire/hosted-enclave.ts';

const { contract } = testContract();
const sealed = must(
  sealContract({ ...contract, organisations: contract.organisations.slice(0, 2), kMin: 2, requireSites: [] }),
);
const documents = {
  contract: sealed.bytes,
  approvals: sealed.contract.organisations.map(({ id }) => testApproval(sealed, id)),
};

/** The enclave's real host, called without sockets. */
const controlOf = ({ host }: HostedEnclave): EnclaveControl => ({
  load: (given) => host.load({ ...given, approvals: given.approvals }),
  advance: (request) => host.advance(request),
  withdraw: ({ withdrawal }) => host.withdraw(withdrawal),
  getStatements: ({ fromCounter, limit }) => host.statements(fromCounter, limit),
  watch: ({ fromSequence }, options) =>
    host.events.watch(fromSequence, options?.signal ?? new AbortController().signal),
});

/** `count` attempts, each opened and given up: two statements each. */
async function attempts(hosted: HostedEnclave, from: number, count: number): Promise<void> {
  for (let attempt = from; attempt < from + count; attempt++) {
    must(await hosted.host.advance({ action: 'openRound', round: 1, attempt }));
    must(await hosted.host.advance({ action: 'abortRound', round: 1, attempt }));
  }
}

interface Heard {
  readonly counters: number[];
  readonly gaps: number[];
  readonly commands: CoordinatorCommand[];
  readonly caughtUp: number[];
}

/** What a coordinator with the archive on `disk` hears until it was told everything, or left the enclave. */
async function listen(control: EnclaveControl, disk: MemoryDisk, until: (heard: Heard) => boolean): Promise<Heard> {
  const heard: Heard = { counters: [], gaps: [], commands: [], caughtUp: [] };
  const archive = await StatementArchive.open(openMemoryStore(disk).events, {
    onGap: (counter) => heard.gaps.push(counter),
  });
  const stop = new AbortController();
  const look = (): void => {
    if (until(heard)) stop.abort();
  };
  const link = new EnclaveLink({
    control,
    documents: () => documents,
    withdrawals: () => [],
    handle: async (command) => {
      heard.commands.push(command);
      look();
    },
    known: () => archive.length,
    onStatement: async (statement) => {
      heard.counters.push(statement.statement.counter);
      await archive.add(statement);
      look();
    },
    onCaughtUp: async () => {
      heard.caughtUp.push(archive.length);
      look();
    },
    onSession: async () => undefined,
    onLost: () => undefined,
    now: () => START,
    log: captureLog().logger,
    signal: stop.signal,
  });
  await link.run();
  return heard;
}

const counting = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe('a coordinator that connects to an enclave with a past', () => {
  it('hears the whole of it once when it has nothing, and only what is new when it has the rest', async () => {
    const hosted = hostEnclave();
    must(await hosted.host.load(documents));
    await attempts(hosted, 1, 40);
    const disk = createMemoryDisk();
    const first = await listen(controlOf(hosted), disk, ({ caughtUp }) => caughtUp.length > 0);
    expect(first.counters).toEqual(counting(0, 81));
    expect(first.caughtUp).toEqual([81]);
    await attempts(hosted, 41, 3);
    const again = await listen(controlOf(hosted), disk, ({ caughtUp }) => caughtUp.length > 0);
    // The newest known one again: whatever was kept and not yet acted upon is acted upon now.
    expect(again.counters).toEqual(counting(80, 87));
  });

  it('misses nothing that is stated between reading and watching, however much', async () => {
    const hosted = hostEnclave();
    must(await hosted.host.load(documents));
    const control = controlOf(hosted);
    const late: EnclaveControl = {
      ...control,
      async *watch(request, options) {
        await attempts(hosted, 1, 30);
        yield* control.watch(request, options);
      },
    };
    const disk = createMemoryDisk();
    const heard = await listen(late, disk, ({ counters }) => counters.includes(60));
    expect(heard.gaps).toEqual([]);
    expect(new Set(heard.counters)).toEqual(new Set(counting(0, 61)));
    const archive = await StatementArchive.open(openMemoryStore(disk).events, { onGap: () => undefined });
    expect(archive.length).toBe(61);
  });

  it('leaves one whose newest statement is another, however short its chain', async () => {
    const hosted = hostEnclave();
    must(await hosted.host.load(documents));
    await attempts(hosted, 1, 5);
    const disk = createMemoryDisk();
    await listen(controlOf(hosted), disk, ({ caughtUp }) => caughtUp.length > 0);
    const anew = hostEnclave();
    const heard = await listen(controlOf(anew), disk, () => false);
    expect(heard.counters).toEqual([0]);
    expect(heard.commands).toEqual([{ type: 'see-halt', code: 'E-STATEMENT-CHAIN' }]);
  });
});
