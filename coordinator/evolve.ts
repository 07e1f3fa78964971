import type { OrganisationId } from '../lib/core/ids.ts';
import type { CoordinatorEvent } from './event.ts';
import type { CoordinatorState, RunningRound } from './state.ts';

/** State after `event`. Throws on an event that no decision in this state could have made: a corrupted log. */
export function evolve(state: CoordinatorState, event: CoordinatorEvent): CoordinatorState {
  const { approvals, withdrawn, connected, released, attempted } = state;
  const roster = { approvals, withdrawn, connected, released, attempted };
  switch (event.type) {
    case 'approval-recorded':
      return {
        ...state,
        approvals: new Map(approvals).set(event.organisation, { approval: event.approval, expires: event.expires }),
      };
    case 'withdrawal-recorded':
      return withoutSite(state, event);
    case 'launched':
      if ('rounds' in state) throw impossible(state, event);
      return { ...roster, phase: 'gathering', rounds: event.rounds, failures: 0 };
    case 'site-seen':
      return withSite(state, event);
    case 'round-requested': {
      if (state.phase !== 'gathering' && state.phase !== 'between') throw impossible(state, event);
      const { rounds, failures } = state;
      const { round, attempt } = event;
      const current = roundAt({ round, attempt, step: 'opening', expected: [] });
      return { ...roster, phase: 'running', rounds, failures, current, attempted: { round, attempt } };
    }
    case 'attempt-learned': {
      if ('rounds' in state) throw impossible(state, event);
      const { round, attempt } = event;
      return { ...state, attempted: { round, attempt }, underWay: roundAt(event) };
    }
    case 'attempt-adopted': {
      if (!('rounds' in state)) throw impossible(state, event);
      const { rounds, failures } = state;
      const { round, attempt } = event;
      const current = { ...roundAt(event), done: new Set(event.done) };
      return { ...roster, phase: 'running', rounds, failures, current, attempted: { round, attempt } };
    }
    case 'step-started':
      return { ...running(state, event), current: roundAt(event) };
    case 'site-advanced':
      return withStep(state, event);
    case 'action-requested': {
      const now = running(state, event);
      if (event.action !== 'close-acknowledgement') return now;
      return { ...now, current: { ...now.current, waited: now.current.waited + 1 } };
    }
    case 'round-released': {
      const { round } = event;
      if (!('rounds' in state)) return { ...state, released: round, underWay: behind(state.underWay, round) };
      if (state.phase === 'gathering') return { ...state, released: round };
      const next = { round: round + 1, attempt: 1 };
      return { ...roster, phase: 'between', rounds: state.rounds, failures: 0, released: round, next };
    }
    case 'round-aborted': {
      const { round, attempt } = event;
      if (!('rounds' in state)) return { ...state, attempted: { round, attempt }, underWay: null };
      const { rounds, failures } = state;
      const learned = { ...roster, rounds, attempted: { round, attempt } };
      // Not of this launch, which has not asked for anything yet.
      if (state.phase === 'gathering') return { ...learned, phase: 'gathering', failures };
      return { ...learned, phase: 'between', failures: failures + 1, next: { round, attempt: attempt + 1 } };
    }
    case 'study-ended':
      if (!('rounds' in state)) throw impossible(state, event);
      return { ...roster, phase: event.outcome, underWay: leftBehind(state) };
    case 'study-failed':
      return { ...roster, phase: 'failed', code: event.code, underWay: leftBehind(state) };
  }
}

interface Reached extends Pick<RunningRound, 'round' | 'attempt' | 'step'> {
  readonly expected: readonly OrganisationId[];
}

/** At the beginning of a step. */
const roundAt = ({ round, attempt, step, expected }: Reached): RunningRound => ({
  round,
  attempt,
  step,
  expected: new Set(expected),
  done: new Set(),
  waited: 0,
});

type Running = Extract<CoordinatorState, { phase: 'running' }>;

function running(state: CoordinatorState, event: CoordinatorEvent): Running {
  if (state.phase !== 'running') throw impossible(state, event);
  return state;
}

const impossible = (state: CoordinatorState, event: CoordinatorEvent): Error =>
  new Error(`${event.type} in phase ${state.phase}`);

/** What the enclave is still in when this coordinator stops driving it; an attempt that it never opened is nothing. */
function leftBehind(state: CoordinatorState): RunningRound | null {
  if (!('rounds' in state)) return state.underWay;
  return state.phase === 'running' && state.current.step !== 'opening' ? state.current : null;
}

/** Null once its round is released. */
const behind = (underWay: RunningRound | null, released: number): RunningRound | null =>
  underWay !== null && underWay.round > released ? underWay : null;

function withStep(
  state: CoordinatorState,
  event: Extract<CoordinatorEvent, { type: 'site-advanced' }>,
): CoordinatorState {
  const advanced = (round: RunningRound): RunningRound => ({
    ...round,
    done: new Set(round.done).add(event.organisation),
  });
  if (state.phase === 'running') return { ...state, current: advanced(state.current) };
  if ('rounds' in state || state.underWay === null) throw impossible(state, event);
  return { ...state, underWay: advanced(state.underWay) };
}

function withSite(
  state: CoordinatorState,
  { organisation, connected }: Extract<CoordinatorEvent, { type: 'site-seen' }>,
): CoordinatorState {
  const sites = new Set(state.connected);
  if (connected) sites.add(organisation);
  else sites.delete(organisation);
  const now = { ...state, connected: sites };
  // A hospital that left before committing is no longer waited for.
  return now.phase === 'running' && !connected && now.current.step === 'commit'
    ? notWaitingFor(now, organisation)
    : now;
}

function withoutSite(
  state: CoordinatorState,
  { organisation, withdrawal }: Extract<CoordinatorEvent, { type: 'withdrawal-recorded' }>,
): CoordinatorState {
  const approvals = new Map(state.approvals);
  approvals.delete(organisation);
  const now = { ...state, approvals, withdrawn: new Map(state.withdrawn).set(organisation, withdrawal) };
  return now.phase === 'running' ? notWaitingFor(now, organisation) : now;
}

function notWaitingFor(state: Running, organisation: OrganisationId): Running {
  const expected = new Set(state.current.expected);
  expected.delete(organisation);
  return { ...state, current: { ...state.current, expected } };
}
