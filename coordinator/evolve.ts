import type { CoordinatorEvent } from './event.ts';
import type { CoordinatorState } from './state.ts';

/** State after `event`. */
export function evolve(state: CoordinatorState, event: CoordinatorEvent): CoordinatorState {
  const { approvals, connected, released, attempted } = state;
  const roster = { approvals, connected, released, attempted };
  const rounds = 'rounds' in state ? state.rounds : 0;
  switch (event.type) {
    case 'approval-recorded':
      return { ...state, approvals: new Map(approvals).set(event.organisation, event.approval) };
    case 'withdrawal-recorded': {
      const remaining = new Map(approvals);
      remaining.delete(event.organisation);
      return { ...state, approvals: remaining };
    }
    case 'launched':
      return { ...roster, phase: 'gathering', rounds: event.rounds };
    case 'site-seen':
      return withSite(state, event);
    case 'round-requested': {
      const { round, attempt } = event;
      const current = { round, attempt, step: 'opening', expected: new Set<never>(), done: new Set<never>() } as const;
      return { ...roster, phase: 'running', rounds, current, attempted: { round, attempt } };
    }
    case 'step-started': {
      const { round, attempt, step, expected } = event;
      return {
        ...roster,
        phase: 'running',
        rounds,
        current: { round, attempt, step, expected: new Set(expected), done: new Set() },
      };
    }
    case 'site-advanced':
      if (state.phase !== 'running') return state;
      return { ...state, current: { ...state.current, done: new Set(state.current.done).add(event.organisation) } };
    case 'action-requested':
      return state;
    case 'round-released':
      return {
        ...roster,
        phase: 'between',
        rounds,
        released: event.round,
        next: { round: event.round + 1, attempt: 1 },
      };
    case 'round-aborted':
      return { ...roster, phase: 'between', rounds, next: { round: event.round, attempt: event.attempt + 1 } };
    case 'study-ended':
      return { ...roster, phase: event.outcome };
    case 'study-failed':
      return { ...roster, phase: 'failed', code: event.code };
  }
}

function withSite(
  state: CoordinatorState,
  { organisation, connected }: Extract<CoordinatorEvent, { type: 'site-seen' }>,
): CoordinatorState {
  const sites = new Set(state.connected);
  if (connected) sites.add(organisation);
  else sites.delete(organisation);
  if (state.phase !== 'running' || connected || state.current.step !== 'commit') return { ...state, connected: sites };
  // A hospital that left before committing is no longer waited for.
  const expected = new Set(state.current.expected);
  expected.delete(organisation);
  return { ...state, connected: sites, current: { ...state.current, expected } };
}
