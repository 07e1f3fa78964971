import type { OrganisationId } from '../lib/core/ids.ts';
import type { CoordinatorEvent } from './event.ts';
import type { CoordinatorState } from './state.ts';

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
      if (state.phase === 'gathering' || state.phase === 'between' || state.phase === 'running')
        throw impossible(state, event);
      return { ...roster, phase: 'gathering', rounds: event.rounds };
    case 'site-seen':
      return withSite(state, event);
    case 'round-requested': {
      if (state.phase !== 'gathering' && state.phase !== 'between') throw impossible(state, event);
      const { round, attempt } = event;
      const current = {
        round,
        attempt,
        step: 'opening',
        expected: new Set<never>(),
        done: new Set<never>(),
        waited: 0,
      } as const;
      return { ...roster, phase: 'running', rounds: state.rounds, current, attempted: { round, attempt } };
    }
    case 'step-started': {
      const { rounds } = running(state, event);
      const { round, attempt, step, expected } = event;
      const current = { round, attempt, step, expected: new Set(expected), done: new Set<never>(), waited: 0 };
      return { ...roster, phase: 'running', rounds, current };
    }
    case 'site-advanced': {
      const now = running(state, event);
      return { ...now, current: { ...now.current, done: new Set(now.current.done).add(event.organisation) } };
    }
    case 'action-requested': {
      const now = running(state, event);
      if (event.action !== 'close-acknowledgement') return now;
      return { ...now, current: { ...now.current, waited: now.current.waited + 1 } };
    }
    case 'round-released': {
      const { round } = event;
      if (state.phase !== 'running' && state.phase !== 'between') return { ...state, released: round };
      const next = { round: round + 1, attempt: 1 };
      return { ...roster, phase: 'between', rounds: state.rounds, released: round, next };
    }
    case 'round-aborted': {
      const { round, attempt } = event;
      const learned = { ...roster, attempted: { round, attempt } };
      if (state.phase !== 'running' && state.phase !== 'between') return { ...state, ...learned };
      return { ...learned, phase: 'between', rounds: state.rounds, next: { round, attempt: attempt + 1 } };
    }
    case 'study-ended':
      if (!('rounds' in state)) throw impossible(state, event);
      return { ...roster, phase: event.outcome };
    case 'study-failed':
      return { ...roster, phase: 'failed', code: event.code };
  }
}

type Running = Extract<CoordinatorState, { phase: 'running' }>;

function running(state: CoordinatorState, event: CoordinatorEvent): Running {
  if (state.phase !== 'running') throw impossible(state, event);
  return state;
}

const impossible = (state: CoordinatorState, event: CoordinatorEvent): Error =>
  new Error(`${event.type} in phase ${state.phase}`);

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
