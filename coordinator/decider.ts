import { openApproval, openWithdrawal } from '../lib/contract/approval.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { CoordinatorCommand, CoordinatorEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { adopt, closingAction, isCurrent, seeStatement, seeStep, whenComplete } from './round-progress.ts';
import { availableSites, type CoordinatorEnvironment, type CoordinatorState } from './state.ts';

export type CoordinatorDecision = Result<readonly CoordinatorEvent[], Refusal>;
type Command<T extends CoordinatorCommand['type']> = Extract<CoordinatorCommand, { type: T }>;
type Resting = Exclude<CoordinatorState, { readonly rounds: number }>;

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
    case 'auto-launch':
      return ok(autoLaunch(environment, state, command));
    case 'see-site':
      return seeSite(environment, state, command);
    case 'gathering-over':
      return state.phase === 'gathering' ? ok(firstRound(environment, state, true)) : ok([]);
    case 'see-step':
      return ok(seeStep(environment, state, command));
    case 'see-statement':
      return ok(seeStatement(environment, state, command));
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
  if ('rounds' in state) return err(refusal('E-ROUND-PHASE', `the study is ${state.phase}`));
  if (state.approvals.size < contract.kMin) {
    return err(
      refusal('E-APPROVALS-MISSING', '', { got: String(state.approvals.size), want: `at least ${contract.kMin}` }),
    );
  }
  const wanted = Math.min(state.released + rounds, contract.rounds);
  if (wanted <= state.released) return err(refusal('E-ROUND-FINISHED'));
  return ok(begin(environment, state, wanted));
}

/** A coordinator that lost its disk learns first what is released: what was launched once is not run twice. */
function autoLaunch(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  { rounds }: Command<'auto-launch'>,
): CoordinatorEvent[] {
  const { contract } = environment.sealed;
  if (state.phase !== 'enrolling' || state.approvals.size < contract.kMin) return [];
  const wanted = Math.min(rounds, contract.rounds);
  if (wanted > state.released) return begin(environment, state, wanted);
  // Somebody launched more than that by hand, and is asked again.
  if (state.underWay !== null) return [];
  return [
    { type: 'launched', rounds: wanted, gatherMs: environment.gatherMs },
    { type: 'study-ended', outcome: 'finished' },
  ];
}

function begin(environment: CoordinatorEnvironment, state: Resting, rounds: number): CoordinatorEvent[] {
  const launched: CoordinatorEvent = { type: 'launched', rounds, gatherMs: environment.gatherMs };
  if (state.underWay !== null) return [launched, ...adopt(environment, state, state.underWay)];
  return [launched, ...firstRound(environment, { ...state, rounds }, false)];
}

function seeSite(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  command: Command<'see-site'>,
): CoordinatorDecision {
  const { organisation, connected } = command;
  if (state.connected.has(organisation) === connected) return ok([]);
  const seen: CoordinatorEvent = { type: 'site-seen', organisation, connected };
  const after = evolve(state, seen);
  if (after.phase === 'gathering') return ok([seen, ...firstRound(environment, after, false)]);
  if (after.phase === 'running' && !connected && after.current.step === 'commit')
    return ok([seen, ...whenComplete(environment, after.current)]);
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

/** In every phase: whatever this coordinator waits for, such an enclave will not do it. */
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
    if (!due) return [];
    // A log that lost its end may know the last release, and not that the study ended with it.
    if (round > state.rounds) return [{ type: 'study-ended', outcome: 'finished' }];
    return [{ type: 'round-requested', round, attempt: attempt + 1 }];
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
