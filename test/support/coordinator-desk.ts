import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { runCoordinator } from '../../coordinator/run-coordinator.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { organisationId, type OrganisationId } from '../../lib/core/ids.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { connect, type Connection } from '../../lib/wire/connection.ts';
import { studyMethods } from '../../lib/wire/study-codec.ts';
import type { TlsMaterial } from '../../lib/wire/tls-material.ts';
import { certificateOf, COORDINATOR } from '../unit/wire/consortium.ts';
import { hostEnclave, serveEnclave, type ServedEnclave } from '../unit/wire/hosted-enclave.ts';
import { START } from './test-contract.ts';

type StudyClient = ReturnType<typeof clientOf<typeof studyMethods>>;

export interface RunningCoordinator {
  callAs(organisation: OrganisationId): StudyClient;
  readonly researcher: StudyClient;
  /** Lines of its log so far, parsed. */
  log(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export interface CoordinatorDesk {
  /** The enclave's real host behind gRPC, stopped after the test. */
  readonly enclaveOn: (hosted?: ReturnType<typeof hostEnclave>) => Promise<ServedEnclave>;
  /** The coordinator as its program runs it, on the store of this test's folder; `change` bends its configuration. */
  readonly coordinatorOf: (enclave: ServedEnclave, change?: object) => Promise<RunningCoordinator>;
  /** The coordinator's disk is lost. */
  readonly loseStore: () => Promise<void>;
}

const STORE = 'coordinator.sqlite';

/** One coordinator at a time for `sealed`, in a folder that lives as long as a test. */
export function coordinatorDesk(sealed: SealedContract): CoordinatorDesk {
  let folder = '';
  let life = 0;
  const ending: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'consilium-coordinator-'));
  });
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
    await rm(folder, { recursive: true, force: true });
  });

  async function configure(enclave: ServedEnclave, log: string, change: object): Promise<string> {
    const tls = certificateOf('coordinator', COORDINATOR.id);
    const files = { 'contract.cbor': sealed.bytes, 'cert.pem': tls.certificate, 'ca.pem': tls.authority };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    await writeFile(join(folder, 'key.pem'), tls.privateKey, { mode: 0o600 });
    const config = {
      id: COORDINATOR.id,
      listen: { host: '127.0.0.1', port: 0 },
      tls: { certificate: 'cert.pem', privateKey: 'key.pem', authority: 'ca.pem' },
      store: STORE,
      contract: 'contract.cbor',
      enclave: { host: '127.0.0.1', port: enclave.server.port, id: enclave.server.identity.id },
      fixedTime: new Date(START).toISOString(),
      log: { file: log, level: 'info' },
      ...change,
    };
    const path = join(folder, 'coordinator.yaml');
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  async function coordinatorOf(enclave: ServedEnclave, change: object = {}): Promise<RunningCoordinator> {
    life += 1;
    const logFile = join(folder, `log-${life}`);
    const path = await configure(enclave, logFile, change);
    const controller = new AbortController();
    const now = (): void => {
      controller.abort();
    };
    const running = runCoordinator(path, { signal: controller.signal, now });
    const port = await listeningPort(logFile);
    const connections: Connection[] = [];
    const stop = async (): Promise<void> => {
      for (const connection of connections) connection.close();
      now();
      await running;
    };
    ending.push(stop);
    const call = (tls: TlsMaterial): StudyClient => {
      const address = { host: '127.0.0.1', port };
      const connection = connect({ address, tls, serverName: 'localhost', expect: COORDINATOR });
      connections.push(connection);
      return clientOf(connection, studyMethods);
    };
    return {
      callAs: (organisation) => call(certificateOf('site', organisation)),
      researcher: call(certificateOf('researcher', organisationId('researcher'))),
      log: () => linesOf(logFile),
      stop,
    };
  }

  return {
    async enclaveOn(hosted = hostEnclave()) {
      const enclave = await serveEnclave(hosted);
      ending.push(() => enclave.stop());
      return enclave;
    },
    coordinatorOf,
    async loseStore() {
      for (const end of ['', '-wal', '-shm']) await rm(join(folder, STORE + end), { force: true });
    },
  };
}

async function linesOf(logFile: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return whole.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function listeningPort(logFile: string): Promise<number> {
  for (let waited = 0; waited < 1000; waited++) {
    const line = (await linesOf(logFile)).find(({ event }) => event === 'coordinator.listening');
    if (line !== undefined) return Number(/:(\d+)$/.exec(String(line['address']))?.[1]);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the coordinator does not listen');
}
