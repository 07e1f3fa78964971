import { readFile } from 'node:fs/promises';
import { loadConfig } from '../lib/config/config-file.ts';
import { readTls } from '../lib/config/program-fields.ts';
import { FirstFault } from '../lib/config/first-fault.ts';
import { stopped, type Stop } from '../lib/config/run-program.ts';
import { openContract, type SealedContract } from '../lib/contract/study-contract.ts';
import { RefusalError } from '../lib/core/errors.ts';
import { instant, type Instant, type OrganisationId } from '../lib/core/ids.ts';
import { failStop } from '../lib/store/fail-stop.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import { programLogger, type Logger } from '../lib/telemetry/logger.ts';
import type { RoundTiming } from '../lib/telemetry/round-timings.ts';
import { connect } from '../lib/wire/connection.ts';
import { EventLog } from '../lib/wire/event-log.ts';
import { createHealth } from '../lib/wire/health.ts';
import { relayService } from '../lib/wire/relay.ts';
import { serverLog } from '../lib/wire/server-log.ts';
import { startServer } from '../lib/wire/serve.ts';
import { studyEvent, type StudyEvent } from '../lib/wire/study-codec.ts';
import { coordinatorConfig, type CoordinatorConfig } from './config.ts';
import { Coordinator } from './coordinator.ts';
import { EnclaveLink } from './enclave-link.ts';
import type { CoordinatorCommand, CoordinatorEffect } from './event.ts';
import { Presence } from './presence.ts';
import { approvalsInForce } from './state.ts';
import { studyNotice } from './study-events.ts';
import { RoundClock } from './round-clock.ts';
import { StatementArchive } from './statement-archive.ts';
import { studyService } from './study-service.ts';

const STOP_GRACE_MS = 3_000;
/** For watchers who come later; what is older is in the statement chain. */
const KEPT_NOTICES = 100_000;

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
  const statements = await StatementArchive.open(store.events, {
    onGap: (counter) => {
      log.error('statements.gap', { counter });
    },
  });
  const notices = new EventLog<StudyEvent>({
    now,
    codec: studyEvent,
    shelfOf: () => ({ name: 'all', newest: KEPT_NOTICES }),
    substitute: null,
    onFault: (fault) => {
      log.error('notice.fault', {}, fault);
    },
  });
  /** For work that nobody waits for: never rejects. */
  const act = async (command: CoordinatorCommand): Promise<void> => {
    await coordinator.handle(command).catch(faults.report);
  };
  const perform = (effect: CoordinatorEffect): void => {
    const later = (ms: number, command: CoordinatorCommand): void => {
      setTimeout(() => void act(command), ms).unref();
    };
    switch (effect.type) {
      case 'advance':
        link.advance(effect.action, { round: effect.round, attempt: effect.attempt }).catch(faults.report);
        return;
      case 'withdraw':
        link.withdraw(effect.withdrawal).catch(faults.report);
        return;
      case 'timer':
        later(effect.ms, { type: 'deadline', step: effect.step, round: effect.round, attempt: effect.attempt });
        return;
      case 'gathering-timer':
        later(effect.ms, { type: 'gathering-over' });
        return;
    }
  };
  const { gatherMs, maxAttempts } = config;
  const clock = new RoundClock();
  const coordinator = await Coordinator.start(
    { sealed, gatherMs, maxAttempts },
    {
      events: store.events,
      perform,
      onEvent: (event, { replayed }) => {
        const notice = studyNotice(event, (round) => statements.releaseOf(round));
        if (notice !== null) notices.add(notice);
        if (!replayed && 'round' in event)
          log.info(`round.${event.type}`, { round: event.round, attempt: event.attempt });
        const timing = replayed ? null : clock.see(event, performance.now());
        if (timing !== null) logTiming(log, timing);
      },
    },
  );
  const launchWhenReady = async (): Promise<void> => {
    const { phase, approvals } = coordinator.state;
    if (config.autoLaunchRounds === undefined || phase !== 'enrolling' || approvals.size < sealed.contract.kMin) return;
    await coordinator.handle({ type: 'launch', rounds: config.autoLaunchRounds });
  };
  const presence = new Presence({
    graceMs: config.absenceMs,
    tell: (organisation, connected) => act({ type: 'see-site', organisation, connected }),
  });
  // Sessions end with their coordinator; those of an earlier life are about to come back.
  const everyoneLost = (): void => {
    for (const organisation of coordinator.state.connected) presence.lost(organisation);
  };
  everyoneLost();
  const link = new EnclaveLink({
    connection,
    documents: () => ({ contract: sealed.bytes, approvals: approvalsInForce(coordinator.state, now()) }),
    withdrawals: () => coordinator.state.withdrawn.values(),
    handle: act,
    onStatement: (bytes) => statements.add(bytes),
    onSession: async (organisation, open) => {
      if (open) await presence.seen(organisation);
      else presence.lost(organisation);
    },
    onLost: everyoneLost,
    log,
    signal: stop.signal,
  });
  const lastSeen = new Map<OrganisationId, number>();
  const health = createHealth();
  const server = await startServer({
    address: config.listen,
    tls,
    services: [
      health.service,
      relayService(connection),
      studyService({
        sealed,
        coordinator,
        presence,
        statements,
        notices,
        lastSeen,
        now,
        onApproval: () => approved(link, launchWhenReady),
      }),
    ],
    ...serverLog(log),
  });
  health.set('', true);
  log.info('coordinator.listening', { address: `${config.listen.host}:${server.port}` });
  const watching = link.run().catch(faults.report);
  coordinator.takeUp();
  await launchWhenReady();
  await Promise.race([stopped(stop), faults.happened]);
  log.info('coordinator.stopping');
  connection.close();
  await server.stop(STOP_GRACE_MS);
  await watching;
  await store.close();
}

/** An approval reaches the enclave before the launch that may follow from it. */
async function approved(link: EnclaveLink, launchWhenReady: () => Promise<void>): Promise<void> {
  await link.load();
  await launchWhenReady();
}

async function readContract({ contract }: CoordinatorConfig): Promise<SealedContract> {
  const sealed = openContract(new Uint8Array(await readFile(contract)));
  if (!sealed.ok) throw new RefusalError(sealed.error);
  return sealed.value;
}

function logTiming(log: Logger, { round, attempt, outcome, totalMs, phases }: RoundTiming): void {
  for (const { phase, ms } of phases) log.info('round.phase-timed', { round, attempt, phase, elapsedMs: ms });
  log.info('round.timed', { round, attempt, state: outcome, elapsedMs: totalMs });
}
