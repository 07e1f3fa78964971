import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCoordinator } from '../../coordinator/run-coordinator.ts';
import { signApproval, signWithdrawal } from '../../lib/contract/approval.ts';
import { instant, type OrganisationId } from '../../lib/core/ids.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import { connect, type Connection } from '../../lib/wire/connection.ts';
import { studyMethods } from '../../lib/wire/study-codec.ts';
import { must } from '../support/study-in-memory.ts';
import { DAY_MS, HOSPITALS, organisationSigner, START, testApproval, testContract } from '../support/test-contract.ts';
import { certificateOf, COORDINATOR, eventually } from '../unit/wire/consortium.ts';
import { hostEnclave, serveEnclave, type ServedEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
const [adler, birch, cedar] = HOSPITALS as readonly [OrganisationId, OrganisationId, OrganisationId];
const withdrawalOf = (organisation: OrganisationId): Uint8Array =>
  signWithdrawal({ contract: sealed.digest, organisation, at: START }, organisationSigner(organisation));

let folder = '';
const ending: (() => Promise<void>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-withdrawal-'));
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  await rm(folder, { recursive: true, force: true });
});

async function enclaveOn(hosted = hostEnclave()): Promise<ServedEnclave> {
  const enclave = await serveEnclave(hosted);
  ending.push(() => enclave.stop());
  return enclave;
}

interface RunningCoordinator {
  callAs(organisation: OrganisationId): ReturnType<typeof clientOf<typeof studyMethods>>;
  stop(): Promise<void>;
}

let life = 0;
/** The coordinator as its program runs it, on the store of this test's folder. */
async function coordinatorOf(enclave: ServedEnclave): Promise<RunningCoordinator> {
  life += 1;
  const tls = certificateOf('coordinator', COORDINATOR.id);
  const log = join(folder, `log-${life}`);
  const files = { 'contract.cbor': sealed.bytes, 'cert.pem': tls.certificate, 'ca.pem': tls.authority };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'key.pem'), tls.privateKey, { mode: 0o600 });
  const config = {
    id: COORDINATOR.id,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { certificate: 'cert.pem', privateKey: 'key.pem', authority: 'ca.pem' },
    store: 'coordinator.sqlite',
    contract: 'contract.cbor',
    enclave: { host: '127.0.0.1', port: enclave.server.port, id: enclave.server.identity.id },
    fixedTime: new Date(START).toISOString(),
    log: { file: log, level: 'info' },
  };
  await writeFile(join(folder, 'coordinator.yaml'), JSON.stringify(config));
  const controller = new AbortController();
  const now = (): void => {
    controller.abort();
  };
  const running = runCoordinator(join(folder, 'coordinator.yaml'), { signal: controller.signal, now });
  let text = '';
  for (let waited = 0; !text.includes('coordinator.listening'); waited++) {
    if (waited > 500) throw new Error('the coordinator does not listen');
    await new Promise((resolve) => setTimeout(resolve, 10));
    text = await readFile(log, 'utf8').catch(() => '');
  }
  const port = Number(/"address":"127\.0\.0\.1:(\d+)"/.exec(text)?.[1]);
  const connections: Connection[] = [];
  const stop = async (): Promise<void> => {
    for (const connection of connections) connection.close();
    now();
    await running;
  };
  ending.push(stop);
  const callAs: RunningCoordinator['callAs'] = (organisation) => {
    const connection = connect({
      address: { host: '127.0.0.1', port },
      tls: certificateOf('site', organisation),
      serverName: 'localhost',
      expect: COORDINATOR,
    });
    connections.push(connection);
    return clientOf(connection, studyMethods);
  };
  return { callAs, stop };
}

const withdrawnAt = (enclave: ServedEnclave): unknown[] =>
  enclave.log.flatMap(({ event, organisation }) => (event === 'site.withdrawn' ? [organisation] : []));

describe('a hospital that withdrew', () => {
  it('is not brought back by its own agent, which sends the approval again, nor by a restart', async () => {
    const enclave = await enclaveOn();
    const coordinator = await coordinatorOf(enclave);
    for (const id of HOSPITALS)
      must(await coordinator.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
    must(await coordinator.callAs(adler).submitWithdrawal({ withdrawal: withdrawalOf(adler) }));
    await eventually(() => withdrawnAt(enclave).length > 0);
    expect(withdrawnAt(enclave)).toEqual(['adler']);

    const again = { approval: testApproval(sealed, adler, 200) };
    const refused = { ok: false, error: { code: 'E-SITE-WITHDRAWN' } };
    expect(await coordinator.callAs(adler).submitApproval(again)).toMatchObject(refused);
    await coordinator.stop();
    const later = await coordinatorOf(enclave);
    expect(await later.callAs(adler).submitApproval(again)).toMatchObject(refused);
    expect(must(await later.callAs(birch).getContract({})).approvals).toHaveLength(3);
  });

  it('is also gone for an enclave that comes to hear of it later', async () => {
    const first = await coordinatorOf(await enclaveOn());
    for (const id of HOSPITALS) must(await first.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
    for (const id of [adler, birch]) must(await first.callAs(id).submitWithdrawal({ withdrawal: withdrawalOf(id) }));
    await first.stop();
    const fresh = await enclaveOn();
    await coordinatorOf(fresh);
    await eventually(() => withdrawnAt(fresh).length === 2);
    const opened = await clientOf(fresh.connection, controlMethods).advance({
      action: 'openRound',
      round: 1,
      attempt: 1,
    });
    expect(opened).toMatchObject({ ok: false, error: { code: 'E-APPROVALS-MISSING' } });
  });

  it('cannot be put out, or in, by another member that holds its documents', async () => {
    const enclave = await enclaveOn();
    const coordinator = await coordinatorOf(enclave);
    const stranger = { ok: false, error: { code: 'E-ORG-IDENTITY', got: 'consilium://site/birch' } };
    const asBirch = coordinator.callAs(birch);
    expect(await asBirch.submitApproval({ approval: testApproval(sealed, adler) })).toMatchObject(stranger);
    must(await coordinator.callAs(adler).submitApproval({ approval: testApproval(sealed, adler) }));
    expect(await asBirch.submitWithdrawal({ withdrawal: withdrawalOf(adler) })).toMatchObject(stranger);
    expect(withdrawnAt(enclave)).toEqual([]);
  });
});

describe('an approval that was sent before', () => {
  it('does not shorten a later one; an expired one is handed to nobody', async () => {
    const coordinator = await coordinatorOf(await enclaveOn());
    const approve = (organisation: OrganisationId, expires: number): Uint8Array =>
      signApproval(
        { contract: sealed.digest, organisation, epsilonBudget: null, expires: instant(expires) },
        organisationSigner(organisation),
      );
    const long = approve(cedar, START + DAY_MS);
    for (const approval of [approve(cedar, START + 60_000), long, approve(cedar, START + 60_000)])
      must(await coordinator.callAs(cedar).submitApproval({ approval }));
    expect(must(await coordinator.callAs(birch).getContract({})).approvals).toEqual([long]);
  });
});
