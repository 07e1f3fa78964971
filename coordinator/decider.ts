import { openApproval, openWithdrawal } from '../lib/contract/approval.ts';
import { refusal, type ErrorCode, type Refusal } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { CoordinatorCommand, CoordinatorEvent, RoundAction } from './event.ts';
import { evolve } from './evolve.ts';
import {
  availableSites,
  type CoordinatorEnvironment,
  type CoordinatorState,
  type RoundStep,
  type RunningRound,
} from './state.ts';

export type CoordinatorDecision = Result<readonly CoordinatorEvent[], Refusal>;
type Command<T extends CoordinatorCommand['type']> = Extract<CoordinatorCommand, { type: T }>;
type Running = Extract<CoordinatorState, { phase: 'running' }>;

const STEPS: readonly RoundStep[] = ['opening', 'commit', 'upload', 'acknowledge'];
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 30_000;

/**
 * The liveness decider: when to open a round, when to stop waiting, when to try again. Pure. It protects nobody:
 * whatever it decides, enclave and sites refuse what breaks the protocol (PROTOCOL §1).
 */
export function decide(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  command: CoordinatorCommand,
): CoordinatorDecision {
  switch (command.type) {
    case 'receive-approval':
      return receiveApproval(environment, state, command);
    case 'receive-withdrawal':
      return receiveWithdrawal(environment, state, command);
    case 'launch':
      return launch(environment, state, command);
    case 'see-site':
      return seeSite(environment, state, command);
    case 'gathering-over':
      return state.phase === 'gathering' ? ok(firstRound(environment, state, true)) : ok([]);
    case 'see-step':
      return ok(state.phase === 'running' ? seeStep(environment, state, command) : []);
    case 'see-statement':
      return seeStatement(environment, state, command);
    case 'see-halt':
      return ok(seeHalt(state, command));
    case 'deadline':
      return ok(passDeadline(environment, state, command));
    case 'stop':
      return stop(state);
  }
}

function receiveApproval(
  { sealed }: CoordinatorEnvironment,
  state: CoordinatorState,
  { approval, at }: Command<'receive-approval'>,
): CoordinatorDecision {
  const opened = openApproval(approval, { sealed, at });
  if (!opened.ok) return opened;
  const { organisation, expires } = opened.value.document;
  if (state.withdrawn.has(organisation)) return err(refusal('E-SITE-WITHDRAWN', organisation));
  const known = state.approvals.get(organisation);
  // Whoever replays an older approval must not shorten what the hospital agreed to since.
  if (known !== undefined && expires <= known.expires) return ok([]);
  return ok([{ type: 'approval-recorded', organisation, approval, expires }]);
}

/** For good, approved or not: what comes after a withdrawal can only be an old approval that somebody sends again. */
function receiveWithdrawal(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  { withdrawal }: Command<'receive-withdrawal'>,
): CoordinatorDecision {
  const { contract, digest } = environment.sealed;
  const opened = openWithdrawal(withdrawal, { contract, contractDigest: digest });
  if (!opened.ok) return opened;
  const { organisation } = opened.value.document;
  if (state.withdrawn.has(organisation)) return ok([]);
  const recorded: CoordinatorEvent = { type: 'withdrawal-recorded', organisation, withdrawal };
  const after = evolve(state, recorded);
  if (after.phase === 'gathering') return ok([recorded, ...firstRound(environment, after, false)]);
  const waitedFor =
    state.phase === 'running' && state.current.expected.has(organisation) && !state.current.done.has(organisation);
  if (waitedFor && after.phase === 'running') return ok([recorded, ...whenComplete(environment, after.current)]);
  return ok([recorded]);
}

function launch(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  { rounds }: Command<'launch'>,
): CoordinatorDecision {
  const { contract } = environment.sealed;
  if (state.phase === 'gathering' || state.phase === 'between' || state.phase === 'running')
    return err(refusal('E-ROUND-PHASE', `the study is ${state.phase}`));
  if (state.approvals.size < contract.kMin) {
    return err(
      refusal('E-APPROVALS-MISSING', '', { got: String(state.approvals.size), want: `at least ${contract.kMin}` }),
    );
  }
  const wanted = Math.min(state.released + rounds, contract.rounds);
  if (wanted <= state.released) return err(refusal('E-ROUND-FINISHED'));
  const launched = { type: 'launched', rounds: wanted, gatherMs: environment.gatherMs } as const;
  return ok([launched, ...firstRound(environment, { ...state, rounds: wanted }, false)]);
}

function seeSite(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  command: Command<'see-site'>,
): CoordinatorDecision {
  const { organisation, connected } = command;
  if (state.connected.has(organisation) === connected) return ok([]);
  const seen: CoordinatorEvent = { type: 'site-seen', organisation, connected };
  const after = new Set(state.connected);
  if (connected) after.add(organisation);
  else after.delete(organisation);
  if (state.phase === 'gathering') return ok([seen, ...firstRound(environment, { ...state, connected: after }, false)]);
  if (state.phase === 'running' && !connected && state.current.step === 'commit') {
    const expected = new Set(state.current.expected);
    expected.delete(organisation);
    return ok([seen, ...whenComplete(environment, { ...state.current, expected })]);
  }
  return ok([seen]);
}

type Gathered = Pick<CoordinatorState, 'approvals' | 'withdrawn' | 'connected' | 'released' | 'attempted'> & {
  readonly rounds: number;
};

/** Opens the first round once every hospital of the contract that has not withdrawn is here, or, when the wait is `over`, once enough are. */
function firstRound(
  { sealed: { contract } }: CoordinatorEnvironment,
  state: Gathered,
  over: boolean,
): CoordinatorEvent[] {
  const here = availableSites(state);
  const everyone = contract.organisations.every(({ id }) => here.has(id) || state.withdrawn.has(id));
  const enough = here.size >= contract.kMin && contract.requireSites.every((id) => here.has(id));
  if (enough && (everyone || over)) {
    const round = state.released + 1;
    return [
      { type: 'round-requested', round, attempt: state.attempted?.round === round ? state.attempted.attempt + 1 : 1 },
    ];
  }
  return over ? [{ type: 'study-failed', code: 'E-COHORT-TOO-SMALL' }] : [];
}

function seeStep(
  environment: CoordinatorEnvironment,
  { current }: Running,
  { organisation, step, round, attempt }: Command<'see-step'>,
): CoordinatorEvent[] {
  if (!isCurrent(current, { round, attempt }) || current.step !== step || current.done.has(organisation)) return [];
  const done = new Set(current.done).add(organisation);
  return [
    { type: 'site-advanced', organisation, step, round, attempt },
    ...whenComplete(environment, { ...current, done }),
  ];
}

/** Nobody left to wait for: ask for the next step now instead of at the deadline. */
function whenComplete({ sealed: { contract } }: CoordinatorEnvironment, current: RunningRound): CoordinatorEvent[] {
  const { step, expected, done } = current;
  const action = closingAction(step);
  const complete = [...expected].every((id) => done.has(id));
  if (!complete || action === null || step === 'acknowledge') return [];
  // A cohort that is too small would only be aborted: hospitals that are still connecting get until the deadline.
  const enough = done.size >= contract.kMin && contract.requireSites.every((id) => done.has(id));
  if (step === 'commit' && !enough) return [];
  return [{ type: 'action-requested', action, round: current.round, attempt: current.attempt, againMs: null }];
}

function closingAction(step: RoundStep): RoundAction | null {
  switch (step) {
    case 'opening':
      return null;
    case 'commit':
      return 'lock-cohort';
    case 'upload':
      return 'close-collection';
    case 'acknowledge':
      return 'close-acknowledgement';
  }
}

function seeStatement(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  command: Command<'see-statement'>,
): CoordinatorDecision {
  const { round, attempt, statement } = command;
  if (statement.type === 'release' && round > state.released) return ok(seeRelease(state, command));
  if (statement.type === 'abort' && isNews(state, command))
    return ok(seeAbort(environment, state, { round, attempt, code: statement.code }));
  if (state.phase !== 'running' || !isCurrent(state.current, command)) return ok([]);
  const { deadlines } = environment.sealed.contract;
  // An enclave that restarted tells its whole history again: no step is gone back to.
  const start = (step: RoundStep, expected: Iterable<OrganisationId>, deadlineMs: number): CoordinatorDecision => {
    if (STEPS.indexOf(step) <= STEPS.indexOf(state.current.step)) return ok([]);
    return ok([{ type: 'step-started', round, attempt, step, expected: [...expected], deadlineMs }]);
  };
  switch (statement.type) {
    case 'manifest':
      return start('commit', availableSites(state), deadlines.commitMs);
    case 'certificate':
      return start('upload', statement.members, deadlines.uploadMs);
    case 'intent':
      return start('acknowledge', statement.members, deadlines.acknowledgeMs);
    case 'release':
    case 'abort':
      return ok([]);
  }
}

type Place = Pick<Command<'see-statement'>, 'round' | 'attempt'>;

/** A release counts in every phase: one that crossed a stop would otherwise be asked for again, for ever in vain. */
function seeRelease(state: CoordinatorState, { round, attempt }: Place): CoordinatorEvent[] {
  const released: CoordinatorEvent = { type: 'round-released', round, attempt };
  if (!('rounds' in state)) return [released];
  if (round >= state.rounds) return [released, { type: 'study-ended', outcome: 'finished' }];
  if (state.phase === 'gathering') return [released];
  return [released, { type: 'round-requested', round: round + 1, attempt: 1 }];
}

/** Ends the current attempt, or one that this coordinator has forgotten: attempts are counted on from there. */
function isNews({ released, attempted, ...state }: CoordinatorState, { round, attempt }: Place): boolean {
  if (state.phase === 'running' && isCurrent(state.current, { round, attempt })) return true;
  return round === released + 1 && attempt > (attempted?.round === round ? attempted.attempt : 0);
}

function seeAbort(
  { maxAttempts }: CoordinatorEnvironment,
  state: CoordinatorState,
  { round, attempt, code }: Place & { readonly code: ErrorCode },
): CoordinatorEvent[] {
  const retryInMs = Math.min(RETRY_MIN_MS * 2 ** (attempt - 1), RETRY_MAX_MS);
  const aborted: CoordinatorEvent = { type: 'round-aborted', round, attempt, code, retryInMs };
  const underWay = state.phase === 'running' || state.phase === 'between';
  return underWay && attempt >= maxAttempts ? [aborted, { type: 'study-failed', code }] : [aborted];
}

/** In every phase: whatever this coordinator waits for, a halted enclave will not do it. */
function seeHalt(state: CoordinatorState, { code }: Command<'see-halt'>): CoordinatorEvent[] {
  return state.phase === 'failed' && state.code === code ? [] : [{ type: 'study-failed', code }];
}

function passDeadline(
  { sealed, maxAttempts }: CoordinatorEnvironment,
  state: CoordinatorState,
  { step, round, attempt }: Command<'deadline'>,
): CoordinatorEvent[] {
  if (step === 'retry') {
    const due = state.phase === 'between' && state.next.round === round && state.next.attempt === attempt + 1;
    return due ? [{ type: 'round-requested', round, attempt: attempt + 1 }] : [];
  }
  if (state.phase !== 'running' || !isCurrent(state.current, { round, attempt }) || state.current.step !== step)
    return [];
  // The enclave keeps the sealed result: whoever launches again, later, waits for the rest of its acknowledgements.
  if (state.current.waited >= maxAttempts) return [{ type: 'study-failed', code: 'E-ACKS-MISSING' }];
  const action = closingAction(step) ?? 'open-round';
  const againMs = step === 'acknowledge' ? sealed.contract.deadlines.acknowledgeMs : null;
  return [{ type: 'action-requested', action, round, attempt, againMs }];
}

function stop(state: CoordinatorState): CoordinatorDecision {
  const ended: CoordinatorEvent = { type: 'study-ended', outcome: 'stopped' };
  switch (state.phase) {
    case 'running': {
      const { round, attempt } = state.current;
      return ok([{ type: 'action-requested', action: 'abort-round', round, attempt, againMs: null }, ended]);
    }
    case 'gathering':
    case 'between':
      return ok([ended]);
    case 'enrolling':
    case 'finished':
    case 'failed':
    case 'stopped':
      return ok([]);
  }
}

const isCurrent = (current: RunningRound, { round, attempt }: { round: number; attempt: number }): boolean =>
  current.round === round && current.attempt === attempt;
