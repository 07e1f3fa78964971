import { describe, expect, it } from 'vitest';
import { signApproval } from '../../lib/contract/approval.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { createMemoryDisk, openMemoryStore } from '../../lib/store/memory.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import { noisyContract } from '../support/noisy-contract.ts';
import { must } from '../support/study-in-memory.ts';
import {
  digestOf,
  HOSPITALS,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../support/test-contract.ts';
import { certificateOf, dial } from '../unit/wire/consortium.ts';
import { hostEnclave, serveEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
const open = { action: 'openRound', round: 1, attempt: 1 } as const;
/** Its initial weights are others than the ones it names: every signature is good, no study can begin. */
const misdrafted = testContract({ model: { ...sealed.contract.model, initialDigest: digestOf('typo') } });
const approvalsOf = (contract: SealedContract, count = 3): Uint8Array[] =>
  HOSPITALS.slice(0, count).map((id) => testApproval(contract, id));
const [, , , dogwood = organisationId('dogwood')] = HOSPITALS;

describe('an approval that does not hold', () => {
  const short = signApproval(
    { contract: sealed.digest, organisation: dogwood, epsilonBudget: null, expires: instant(START + 1000) },
    organisationSigner('dogwood'),
  );
  it.each([
    ['expired on its way', short],
    ['of another contract', testApproval(misdrafted, dogwood)],
    ['no document at all', Uint8Array.of(1, 2, 3)],
  ])('%s: stops no other hospital, and is told', async (_name, bad) => {
    const { host, time, log } = hostEnclave();
    time.now = START + 2000;
    must(await host.load({ contract: sealed.bytes, approvals: [bad, ...approvalsOf(sealed)] }));
    must(await host.load({ contract: sealed.bytes, approvals: [...approvalsOf(sealed), bad] }));
    expect(must(await host.advance(open)).phase).toBe('open');
    expect(log.filter(({ event }) => event === 'session.refused')).toMatchObject([
      { code: 'E-APPROVAL-INVALID' },
      { code: 'E-APPROVAL-INVALID' },
    ]);
  });
});

describe('PROTOCOL §6.1: an approval of a contract with noise that allows no epsilon', () => {
  it('is refused and counts for nothing: two and such a one are not three', async () => {
    const noisy = noisyContract('enclave');
    const unbounded = signApproval(
      { contract: noisy.digest, organisation: dogwood, epsilonBudget: null, expires: instant(START + 1000) },
      organisationSigner('dogwood'),
    );
    const { host, log } = hostEnclave();
    must(await host.load({ contract: noisy.bytes, approvals: [...approvalsOf(noisy, 2), unbounded] }));
    expect(await host.advance(open)).toMatchObject({ ok: false, error: { code: 'E-APPROVALS-MISSING', got: '2' } });
    expect(log.filter(({ event }) => event === 'session.refused')).toMatchObject([{ code: 'E-APPROVAL-INVALID' }]);
    must(await host.load({ contract: noisy.bytes, approvals: [testApproval(noisy, dogwood)] }));
    expect(must(await host.advance(open)).phase).toBe('open');
  });
});

describe('a contract that cannot begin', () => {
  const code = async (loading: Promise<{ ok: boolean }>): Promise<unknown> => {
    const loaded = (await loading) as { ok: false; error: { code: string } } | { ok: true };
    return loaded.ok ? 'loaded' : loaded.error.code;
  };

  it('leaves nothing in the way of the right one, over restarts', async () => {
    const disk = createMemoryDisk();
    const first = hostEnclave(disk).host;
    const wrong = { contract: misdrafted.bytes, approvals: approvalsOf(misdrafted) };
    const right = { contract: sealed.bytes, approvals: approvalsOf(sealed) };
    expect(await code(first.load(wrong))).toBe('E-CONTRACT-INVALID');
    await hostEnclave(disk).host.resume();
    expect(await code(first.load(wrong))).toBe('E-CONTRACT-INVALID');
    const { genesisDigest } = must(await first.load(right));
    expect(await code(first.load(wrong))).toBe('E-CHANNEL-CONTRACT');
    const later = hostEnclave(disk).host;
    await later.resume();
    expect(await code(later.load(wrong))).toBe('E-CHANNEL-CONTRACT');
    expect(must(await later.load(right)).genesisDigest).toEqual(genesisDigest);
    expect(must(await later.advance(open)).phase).toBe('open');
  });

  it('a crash between genesis and the note of whose study it is goes on with the same genesis', async () => {
    const disk = createMemoryDisk();
    const store = openMemoryStore(disk);
    const lost = new Error('the power went');
    const failing = { ...store, blobs: { ...store.blobs, put: () => Promise.reject(lost) } };
    const right = { contract: sealed.bytes, approvals: approvalsOf(sealed) };
    await expect(hostEnclave(disk, failing).host.load(right)).rejects.toBe(lost);
    const records = [...disk.streams.values()].flat().length;
    expect(records).toBeGreaterThan(0);
    const again = hostEnclave(disk);
    await again.host.resume();
    must(await again.host.load(right));
    expect(disk.streams.size).toBe(1);
    const events = again.host.events.watch(0, new AbortController().signal);
    expect((await events.next()).value).toMatchObject({ kind: 'statementIssued', type: 'genesis' });
    expect(must(await again.host.advance(open)).counter).toBe(1);
  });
});

describe('a coordinator that is not the one of this enclave', () => {
  it('may ask nothing', async () => {
    const enclave = await serveEnclave();
    const stranger = dial(enclave.server, certificateOf('coordinator', organisationId('other-hub')));
    const client = clientOf(stranger, controlMethods);
    const refused = { ok: false, error: { code: 'E-ORG-IDENTITY', want: 'consilium://coordinator/hub' } };
    expect(await client.load({ contract: sealed.bytes, approvals: [] })).toMatchObject(refused);
    expect(await client.advance(open)).toMatchObject(refused);
    expect(await client.withdraw({ withdrawal: Uint8Array.of(1) })).toMatchObject(refused);
    const watching = client.watch({ fromSequence: 0 })[Symbol.asyncIterator]();
    await expect(watching.next()).rejects.toMatchObject({ refusals: [{ code: 'E-ORG-IDENTITY' }] });
    stranger.close();
    await enclave.stop();
  });
});
