import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Instant } from '../lib/core/ids.ts';
import type { Store } from '../lib/store/store.ts';
import type { Logger } from '../lib/telemetry/logger.ts';
import type { RoundTiming } from '../lib/telemetry/round-timings.ts';
import { EventLog } from '../lib/wire/event-log.ts';
import { studyEvent, type StudyEvent } from '../lib/wire/study-codec.ts';
import type { CoordinatorConfig } from './config.ts';
import { Coordinator } from './coordinator.ts';
import { EnclaveLink, type EnclaveControl } from './enclave-link.ts';
import type { CoordinatorCommand, CoordinatorEffect, CoordinatorEvent } from './event.ts';
import { Presence } from './presence.ts';
import { RoundClock } from './round-clock.ts';
import { approvalsInForce } from './state.ts';
import { StatementArchive } from './statement-archive.ts';
import { streamsOf } from './contract-streams.ts';
import { studyNotice } from './study-events.ts';

/** For watchers who come later, of each kind; what is older is in the statement chain. */
const KEPT_NOTICES = 2_000;

interface Parts {
  readonly sealed: SealedContract;
  /** Passport bundle of the release that a successor contract goes on from; absent: it succeeds no other. */
  readonly predecessor?: Uint8Array | undefined;
  readonly settings: Pick<CoordinatorConfig, 'gatherMs' | 'maxAttempts' | 'absenceMs' | 'autoLaunchRounds'>;
  readonly store: Store;
  readonly control: EnclaveControl;
  readonly now: () => Instant;
  readonly log: Logger;
  /** Told of faults of work that nobody waits for, which have to end the program. */
  readonly onFault: (fault: unknown) => void;
  /** Ends the work with the enclave. */
  readonly signal: AbortSignal;
}

/** One study at its coordinator: decider, archive, timers and the link to the enclave; everything but the sockets. */
export interface Coordination {
  readonly coordinator: Coordinator;
  readonly statements: StatementArchive;
  readonly notices: EventLog<StudyEvent>;
  readonly presence: Presence;
  /** An approval reaches the enclave before the launch that may follow from it. */
  readonly onApproval: () => Promise<void>;
  /** Why the enclave serves nobody any more; null: it does, as far as is known. */
  readonly halted: () => Refusal | null;
  /** Takes up what was under way and works until the signal; never rejects. */
  readonly run: () => Promise<void>;
}

/** Reads the stored study back. Throws RefusalError on a log that cannot be read. */
export async function openCoordination(parts: Parts): Promise<Coordination> {
  const { sealed, predecessor, settings, store, control, now, log, onFault, signal } = parts;
  const events = streamsOf(store.events, sealed.digest);
  const statements = await StatementArchive.open(events, {
    onGap: (counter) => {
      log.error('statements.gap', { counter });
    },
  });
  const notices = new EventLog<StudyEvent>({
    now,
    codec: studyEvent,
    shelfOf: ({ kind }) => ({ name: kind, newest: KEPT_NOTICES }),
    substitute: null,
    onFault: (fault) => {
      log.error('notice.fault', {}, fault);
    },
  });
  /** For work that nobody waits for: never rejects, for the coordinator itself tells of its faults. */
  const act = async (command: CoordinatorCommand): Promise<void> => {
    await coordinator.handle(command).catch(() => undefined);
  };
  const [later, gathering] = [timer(act), timer(act)];
  const coordinator = await Coordinator.start(
    { sealed, gatherMs: settings.gatherMs, maxAttempts: settings.maxAttempts },
    {
      events,
      perform: (effect) => {
        perform(effect, { link, act, later, gathering, onFault });
      },
      onEvent: tellOf({ notices, log }),
      onFault,
    },
  );
  let caughtUp = false;
  /** Not before the past is known: what an earlier life of this coordinator began is gone on with. */
  const launchWhenReady = async (): Promise<void> => {
    const { autoLaunchRounds } = settings;
    if (autoLaunchRounds !== undefined && caughtUp) await act({ type: 'auto-launch', rounds: autoLaunchRounds });
  };
  const presence = new Presence({
    graceMs: settings.absenceMs,
    tell: (organisation, connected) => act({ type: 'see-site', organisation, connected }),
  });
  // Sessions end with their coordinator; those of an earlier life are about to come back.
  const everyoneLost = (): void => {
    for (const organisation of coordinator.state.connected) presence.lost(organisation);
  };
  everyoneLost();
  const link = new EnclaveLink({
    control,
    documents: () => ({
      contract: sealed.bytes,
      approvals: approvalsInForce(coordinator.state, now()),
      predecessor,
    }),
    withdrawals: () => coordinator.state.withdrawn.values(),
    handle: async (command) => {
      await act(command);
      if (command.type === 'receive-approval') await launchWhenReady();
    },
    known: () => statements.length,
    onStatement: (statement) => statements.add(statement),
    onCaughtUp: () => {
      caughtUp = true;
      return launchWhenReady();
    },
    onSession: async (organisation, open) => {
      if (open) await presence.seen(organisation);
      else presence.lost(organisation);
    },
    onLost: everyoneLost,
    now,
    log,
    signal,
  });
  return {
    coordinator,
    statements,
    notices,
    presence,
    onApproval: async () => {
      await link.load();
      await launchWhenReady();
    },
    halted: () => link.halted,
    run: async () => {
      try {
        coordinator.takeUp();
        await link.run();
      } catch (fault) {
        onFault(fault);
      }
    },
  };
}

interface Performing {
  readonly link: EnclaveLink;
  readonly act: (command: CoordinatorCommand) => Promise<void>;
  /** Of the round. */
  readonly later: (ms: number, command: CoordinatorCommand) => void;
  /** Of the wait before the first round. */
  readonly gathering: (ms: number, command: CoordinatorCommand) => void;
  readonly onFault: (fault: unknown) => void;
}

/** One timer stands at a time: only the newest can still mean anything, and a deadline may be a day away. */
function timer(act: Performing['act']): Performing['later'] {
  let standing: NodeJS.Timeout | undefined;
  return (ms, command) => {
    clearTimeout(standing);
    standing = setTimeout(() => void act(command), ms);
    standing.unref();
  };
}

function perform(effect: CoordinatorEffect, { link, later, gathering, onFault }: Performing): void {
  switch (effect.type) {
    case 'advance':
      link.advance(effect.action, { round: effect.round, attempt: effect.attempt }).catch(onFault);
      return;
    case 'withdraw':
      link.withdraw(effect.withdrawal).catch(onFault);
      return;
    case 'timer':
      later(effect.ms, { type: 'deadline', step: effect.step, round: effect.round, attempt: effect.attempt });
      return;
    case 'gathering-timer':
      gathering(effect.ms, { type: 'gathering-over' });
      return;
  }
}

type Telling = Pick<Coordination, 'notices'> & Pick<Parts, 'log'>;

/** Watchers hear of every event, also of earlier ones after a restart; the log hears of each once. */
function tellOf({ notices, log }: Telling) {
  const clock = new RoundClock();
  return (event: CoordinatorEvent, { replayed }: { readonly replayed: boolean }): void => {
    const notice = studyNotice(event);
    if (notice !== null) notices.add(notice);
    if (replayed) return;
    if ('round' in event) log.info(`round.${event.type}`, { round: event.round, attempt: event.attempt });
    const timing = clock.see(event, performance.now());
    if (timing !== null) logTiming(log, timing);
  };
}

function logTiming(log: Logger, { round, attempt, outcome, totalMs, phases }: RoundTiming): void {
  for (const { phase, ms } of phases) log.info('round.phase-timed', { round, attempt, phase, elapsedMs: ms });
  log.info('round.timed', { round, attempt, state: outcome, elapsedMs: totalMs });
}
