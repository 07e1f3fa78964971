import { loadConfig } from '../lib/config/config-file.ts';
import { readNamedFile } from '../lib/config/named-file.ts';
import { readTls } from '../lib/config/read-tls.ts';
import { brokenTerm } from '../lib/audit/broken-term.ts';
import { FirstFault } from '../lib/config/first-fault.ts';
import { stopped, type Stop } from '../lib/config/run-program.ts';
import { openPredecessor } from '../lib/audit/predecessor.ts';
import { openContract, type SealedContract } from '../lib/contract/study-contract.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import { instant, type Instant, type OrganisationId } from '../lib/core/ids.ts';
import { freshWeights } from '../lib/learning/initial-weights.ts';
import { failStop } from '../lib/store/fail-stop.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import { programLogger } from '../lib/telemetry/logger.ts';
import { clientOf } from '../lib/wire/client.ts';
import { connect } from '../lib/wire/connection.ts';
import { controlMethods } from '../lib/wire/control-codec.ts';
import { createHealth } from '../lib/wire/health.ts';
import { relayService } from '../lib/wire/relay.ts';
import { serverLog } from '../lib/wire/server-log.ts';
import { startServer } from '../lib/wire/serve.ts';
import { coordinatorConfig, type CoordinatorConfig } from './config.ts';
import { openCoordination } from './coordination.ts';
import { studyService } from './study-service.ts';

const STOP_GRACE_MS = 3_000;

/** Runs the coordinator until it is asked to stop. Throws RefusalError on a bad configuration or contract, or as soon as its disk fails. */
export async function runCoordinator(configPath: string, stop: Stop): Promise<void> {
  const loaded = await loadConfig(configPath, coordinatorConfig);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  const config = loaded.value;
  const log = programLogger(config.id, config.log);
  const faults = new FirstFault((fault) => {
    log.error('coordinator.fault', {}, fault);
  });
  const sealed = await readContract(config);
  const predecessor = await readPredecessor(config, sealed);
  const opened = await openSqliteStore(config.store);
  if (!opened.ok) throw new RefusalError(opened.error);
  const store = failStop(opened.value, faults.report);
  const tls = await readTls(config.tls);
  const connection = connect({
    address: config.enclave,
    tls,
    serverName: config.enclave.serverName,
    expect: { role: 'enclave', id: config.enclave.id },
    // The two stand side by side, and every hospital waits behind this connection.
    limits: { reconnectMs: 400 },
  });

  const { fixedTime } = config;
  const now = (): Instant => instant(fixedTime === undefined ? Date.now() : Date.parse(fixedTime));
  const coordination = await openCoordination({
    sealed,
    predecessor,
    settings: config,
    store,
    control: clientOf(connection, controlMethods),
    now,
    log,
    onFault: faults.report,
    signal: stop.signal,
  });
  const lastSeen = new Map<OrganisationId, number>();
  const health = createHealth();
  const server = await startServer({
    address: config.listen,
    tls,
    services: [health.service, relayService(connection), studyService({ sealed, ...coordination, lastSeen, now })],
    ...serverLog(log),
  });
  health.set('', true);
  log.info('coordinator.listening', { address: `${config.listen.host}:${server.port}` });
  const working = coordination.run();
  await Promise.race([stopped(stop), faults.happened]);
  log.info('coordinator.stopping');
  connection.close();
  await server.stop(STOP_GRACE_MS);
  await working;
  await store.close();
}

async function readContract({ contract }: CoordinatorConfig): Promise<SealedContract> {
  const sealed = openContract(await readNamedFile(contract));
  if (!sealed.ok) throw new RefusalError(sealed.error);
  const broken = brokenTerm(sealed.value.contract);
  if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', broken));
  return sealed.value;
}

/**
 * The passport that the enclave will want; what it proves is the enclave's to check. Throws RefusalError: E-CONFIG when a
 * successor comes without one or another contract with one, E-PREDECESSOR-INVALID for one that the contract does not name.
 */
async function readPredecessor(
  { predecessor: path }: CoordinatorConfig,
  sealed: SealedContract,
): Promise<Uint8Array | undefined> {
  if (sealed.contract.predecessor === null) {
    if (path === undefined) return undefined;
    throw new RefusalError(refusal('E-CONFIG', 'predecessor: this contract succeeds no other'));
  }
  if (path === undefined)
    throw new RefusalError(
      refusal('E-CONFIG', 'predecessor: this contract is a successor; name the passport it goes on from'),
    );
  const bytes = await readNamedFile(path);
  const opened = openPredecessor(bytes, { sealed, continues: freshWeights(sealed.contract.model) === null });
  if (!opened.ok) throw new RefusalError(opened.error);
  return bytes;
}
