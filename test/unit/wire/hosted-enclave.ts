import { controlService } from '../../../aggregator-enclave/host/control-service.ts';
import { StudyHost } from '../../../aggregator-enclave/host/study-host.ts';
import { SimulatedChip } from '../../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../../lib/attestation/verifier.ts';
import { systemClock } from '../../../lib/channel/clock.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import { systemStudyRandom } from '../../../lib/core/study-random.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../../lib/store/memory.ts';
import type { Store } from '../../../lib/store/store.ts';
import { createLogger } from '../../../lib/telemetry/logger.ts';
import { clientOf } from '../../../lib/wire/client.ts';
import { controlMethods, type EnclaveEvent } from '../../../lib/wire/control-codec.ts';
import type { Connection } from '../../../lib/wire/connection.ts';
import { sessionService } from '../../../lib/wire/session-service.ts';
import { digestOf, START } from '../../support/test-contract.ts';
import { certificateOf, COORDINATOR, dial, ENCLAVE, serve, type WatchedServer } from './consortium.ts';

const program = { measurement: digestOf('program'), role: 'enclave' } as const;

export interface HostedEnclave {
  readonly host: StudyHost;
  /** Lines of its log, parsed. */
  readonly log: readonly Record<string, unknown>[];
  /** What time it is for the enclave. */
  readonly time: { now: number };
}

/** The enclave's real host and core on a simulated chip; `disk` outlives it. */
export function hostEnclave(
  disk: MemoryDisk = createMemoryDisk(),
  store: Store = openMemoryStore(disk),
): HostedEnclave {
  const time: HostedEnclave['time'] = { now: START };
  const clock = { ...systemClock, now: () => time.now as typeof START };
  const chip = new SimulatedChip({ rootSeed: digestOf('chip root'), instance: 'chip-enclave', now: () => START });
  const log: Record<string, unknown>[] = [];
  const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>);
  const host = new StudyHost({
    ports: {
      sealingKey: chip.sealingKey(program),
      attester: chip.attesterFor(program),
      verifiers: verifierRegistry([simulatedVerifier({ roots: [chip.root] })]),
      clock,
      random: systemRandom,
      studyRandom: systemStudyRandom(systemRandom),
      software: program.measurement,
      environment: 'simulation',
      onFault: (fault) => {
        throw fault;
      },
    },
    store,
    log: createLogger({ name: 'enclave', level: 'info', destination: { write } }),
  });
  return { host, log, time };
}

export interface ServedEnclave extends HostedEnclave {
  readonly server: WatchedServer;
  /** The coordinator's connection. */
  readonly connection: Connection;
  /** Every event that a watcher gets who begins at 0 and leaves after `quietMs` without one. */
  watch(quietMs?: number): Promise<EnclaveEvent[]>;
  stop(): Promise<void>;
}

/** The same behind real gRPC and TLS. */
export async function serveEnclave(hosted = hostEnclave()): Promise<ServedEnclave> {
  const { host } = hosted;
  const server = await serve(ENCLAVE, [
    controlService(host, COORDINATOR),
    sessionService('enclave', (frames) => host.accept(frames)),
  ]);
  const connection = dial(server, certificateOf('coordinator', COORDINATOR.id));
  const watch = async (quietMs = 300): Promise<EnclaveEvent[]> => {
    const seen: EnclaveEvent[] = [];
    const enough = new AbortController();
    let timer = setTimeout(() => undefined, 0);
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        enough.abort();
      }, quietMs);
    };
    wait();
    for await (const event of clientOf(connection, controlMethods).watch({ fromSequence: 0 }, enough)) {
      seen.push(event);
      wait();
    }
    return seen;
  };
  const stop = async (): Promise<void> => {
    host.stop();
    connection.close();
    await server.stop(0);
  };
  return { ...hosted, server, connection, watch, stop };
}
