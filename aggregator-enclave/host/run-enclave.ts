import { loadConfig } from '../../lib/config/config-file.ts';
import { FirstFault } from '../../lib/config/first-fault.ts';
import { readTls } from '../../lib/config/read-tls.ts';
import { stopped, type Stop } from '../../lib/config/run-program.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { collateralWarnings } from '../../lib/telemetry/collateral-warnings.ts';
import { failStop } from '../../lib/store/fail-stop.ts';
import { openSqliteStore } from '../../lib/store/sqlite.ts';
import { programLogger } from '../../lib/telemetry/logger.ts';
import { createHealth } from '../../lib/wire/health.ts';
import type { PeerIdentity } from '../../lib/wire/peer-identity.ts';
import { serverLog } from '../../lib/wire/server-log.ts';
import { startServer } from '../../lib/wire/serve.ts';
import { sessionService } from '../../lib/wire/session-service.ts';
import type { EnclavePorts } from '../enclave.ts';
import { controlService, requireOrThrow } from './control-service.ts';
import { enclaveConfig, type EnclaveConfig } from './config.ts';
import { StudyHost } from './study-host.ts';

/**
 * Sites reach the enclave through one connection of the relay: one stream for each of 1000 sites, as many again while
 * broken ones are not noticed yet, and the coordinator's own calls. Each stream may hold a window of 1 MiB (limits.ts).
 */
const LIMITS = { maxConcurrentStreams: 2048, maxSessionMemoryMiB: 2048 };
const STOP_GRACE_MS = 3_000;

/** What an entry point knows and this host does not: the platform. */
export interface Platform {
  readonly environment: EnclavePorts['environment'];
  readonly stop: Stop;
  /** `warn`: one line for the log. */
  open(
    config: EnclaveConfig,
    warn: (message: string) => void,
  ): Promise<Omit<EnclavePorts, 'records' | 'environment' | 'onFault'>>;
}

/** Runs the enclave program until it is asked to stop. Throws RefusalError on a bad configuration, or as soon as its disk fails. */
export async function runEnclave(configPath: string, platform: Platform): Promise<void> {
  const loaded = await loadConfig(configPath, enclaveConfig);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  const config = loaded.value;
  const log = programLogger(config.id, config.log);
  const faults = new FirstFault((fault) => {
    log.error('enclave.fault', {}, fault);
  });
  const opened = await openSqliteStore(config.store);
  if (!opened.ok) throw new RefusalError(opened.error);
  const store = failStop(opened.value, faults.report);
  const { environment } = platform;
  const ports = { ...(await platform.open(config, collateralWarnings(log))), environment, onFault: faults.report };
  const host = new StudyHost({ ports, store, log });
  await host.resume();
  const health = createHealth();
  const coordinator: PeerIdentity = { role: 'coordinator', id: config.coordinator };
  const server = await startServer({
    address: config.listen,
    tls: await readTls(config.tls),
    limits: LIMITS,
    services: [
      health.service,
      sessionService('enclave', async (frames, { peer }) => {
        if (peer.role === 'coordinator') requireOrThrow(peer, coordinator);
        await host.accept(frames);
      }),
      controlService(host, coordinator),
    ],
    ...serverLog(log),
  });
  health.set('', true);
  log.info('enclave.listening', { address: `${config.listen.host}:${server.port}` });
  await Promise.race([stopped(platform.stop), faults.happened]);
  log.info('enclave.stopping');
  host.stop();
  await server.stop(STOP_GRACE_MS);
  await store.close();
}
