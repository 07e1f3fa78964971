import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { streamsOf } from '../../../coordinator/contract-streams.ts';
import { EnclaveLink, type EnclaveControl } from '../../../coordinator/enclave-link.ts';
import { runCoordinator } from '../../../coordinator/run-coordinator.ts';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { openMemoryStore } from '../../../lib/store/memory.ts';
import { MemoryStudy } from '../../support/study-in-memory.ts';
import { freshStart, successorOf } from '../../support/successor-contract.ts';
import { START, testContract } from '../../support/test-contract.ts';
import { captureLog } from '../telemetry/capture-log.ts';
import { certificateOf, COORDINATOR, ENCLAVE } from '../wire/consortium.ts';

let folder = '';
let study: MemoryStudy;
let earlier: Uint8Array;
let passport: Uint8Array;
let next: SealedContract;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-predecessor-'));
  study = new MemoryStudy(testContract());
  study.run(1);
  earlier = study.enclave.bundle();
  study.run(2);
  passport = study.enclave.bundle();
  next = successorOf(study.sealed, passport);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The program from its configuration to its end, which comes as soon as it listens; or why it did not start. */
async function started(sealed: SealedContract, predecessor: Uint8Array | null): Promise<string> {
  const tls = certificateOf('coordinator', COORDINATOR.id);
  const files = { 'contract.cbor': sealed.bytes, 'cert.pem': tls.certificate, 'ca.pem': tls.authority };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'key.pem'), tls.privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'passport.cbor'), predecessor ?? new Uint8Array());
  const config = {
    id: COORDINATOR.id,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { certificate: 'cert.pem', privateKey: 'key.pem', authority: 'ca.pem' },
    store: 'coordinator.sqlite',
    contract: 'contract.cbor',
    ...(predecessor === null ? {} : { predecessor: 'passport.cbor' }),
    enclave: { host: '127.0.0.1', port: 9, id: ENCLAVE.id },
    log: { file: join(folder, 'log'), level: 'info' },
  };
  const path = join(folder, 'coordinator.yaml');
  await writeFile(path, JSON.stringify(config));
  return runCoordinator(path, { signal: AbortSignal.abort(), now: () => undefined }).then(
    () => 'started',
    (fault: unknown) =>
      fault instanceof RefusalError ? `${fault.refusals[0].code}: ${fault.refusals[0].detail}` : String(fault),
  );
}

describe('the coordinator of a successor', () => {
  it('needs the passport that the contract goes on from', async () => {
    expect(await started(next, passport)).toBe('started');
    expect(await started(study.sealed, null)).toBe('started');
    const anew = successorOf(study.sealed, passport, { beginAnew: freshStart(study.sealed) });
    expect(await started(anew, passport)).toBe('started');
  });

  it.each<[string, () => Promise<string>, string]>([
    ['none', () => started(next, null), 'E-CONFIG: predecessor: this contract is a successor'],
    ['that of an earlier round', () => started(next, earlier), 'E-PREDECESSOR-INVALID: head'],
    ['no passport at all', () => started(next, new Uint8Array([1])), 'E-PREDECESSOR-INVALID'],
    [
      'one where the contract succeeds no other',
      () => started(study.sealed, passport),
      'E-CONFIG: predecessor: this contract succeeds no other',
    ],
  ])('refuses to start with %s', async (_what, play, want) => {
    expect(await play()).toContain(want);
  });

  it('begins its log anew on the store of the contract before', async () => {
    const { events } = openMemoryStore();
    const [before, after] = [study.sealed, next].map(({ digest }) => streamsOf(events, digest));
    await before?.append('coordinator', 0, [utf8('a'), utf8('b')]);
    expect(await after?.read('coordinator')).toEqual([]);
    expect((await after?.append('coordinator', 0, [utf8('c')]))?.ok).toBe(true);
    expect(await before?.read('coordinator', 1, 1)).toEqual([utf8('b')]);
  });

  it('asks again while the first hospital is bringing the model, and says so once', async () => {
    let asked = 0;
    const control = {
      advance: async () => {
        asked += 1;
        const phase = { phase: 'open', counter: 1, headDigest: next.digest };
        return asked < 4 ? { ok: false, error: refusal('E-MODEL-WANTED') } : { ok: true, value: phase };
      },
    } as unknown as EnclaveControl;
    const { logger, lines } = captureLog();
    const link = new EnclaveLink({
      control,
      documents: () => ({ contract: next.bytes, approvals: [] }),
      withdrawals: () => [],
      handle: async () => undefined,
      known: () => 0,
      onStatement: async () => undefined,
      onCaughtUp: async () => undefined,
      onSession: async () => undefined,
      onLost: () => undefined,
      now: () => START,
      log: logger,
      signal: new AbortController().signal,
    });
    await link.advance('open-round', { round: 1, attempt: 1 });
    expect(asked).toBe(4);
    expect(lines().filter(({ code }) => code === 'E-MODEL-WANTED')).toHaveLength(1);
  });
});
