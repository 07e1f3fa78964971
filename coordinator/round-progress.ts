import type { ErrorCode } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import type { CoordinatorCommand, CoordinatorEvent, RoundAction } from './event.ts';
import {
  allowedMs,
  availableSites,
  presentRound,
  type CoordinatorEnvironment,
  type CoordinatorState,
  type RoundStep,
  type RunningRound,
} from './state.ts';

type Command<T extends CoordinatorCommand['type']> = Extract<CoordinatorCommand, { type: T }>;

const STEPS: readonly RoundStep[] = ['opening', 'commit', 'upload', 'acknowledge'];
/** Beyond what any honest enclave counts to, and well inside what a request and the log can hold. */
const MAX_COUNT = 900_000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 30_000;

/** A hospital has done what the present step asks of it. */
export function seeStep(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  { organisation, step, round, attempt }: Command<'see-step'>,
): CoordinatorEvent[] {
  const present = presentRound(state);
  if (present === null || !isCurrent(present, { round, attempt })) return [];
  if (present.step !== step || present.done.has(organisation)) return [];
  const advanced: CoordinatorEvent = { type: 'site-advanced', organisation, step, round, attempt };
  if (state.phase !== 'running') return [advanced];
  const done = new Set(present.done).add(organisation);
  return [advanced, ...whenComplete(environment, { ...present, done })];
}

/** What the enclave tells moves the round on, begins one that this coordinator did not ask for, or ends one. */
export function seeStatement(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  command: Command<'see-statement'>,
): CoordinatorEvent[] {
  const { round, attempt, statement } = command;
  if (round > MAX_COUNT || attempt > MAX_COUNT) return [];
  const at = { round, attempt };
  const everybody = environment.sealed.contract.organisations.map(({ id }) => id);
  switch (statement.type) {
    case 'manifest':
      return reachStep(environment, state, { ...at, step: 'commit', members: everybody });
    case 'certificate':
      return reachStep(environment, state, { ...at, step: 'upload', members: statement.members });
    case 'intent':
      return reachStep(environment, state, { ...at, step: 'acknowledge', members: statement.members });
    case 'release':
      return round > state.released ? seeRelease(state, at) : [];
    case 'abort':
      return isNews(state, at) ? seeAbort(environment, state, { ...at, code: statement.code }) : [];
  }
}

interface Reached extends Place {
  readonly step: Exclude<RoundStep, 'opening'>;
  /** Organisations that can do the step. */
  readonly members: readonly OrganisationId[];
}

/** The enclave has come to a step of an attempt. */
function reachStep(
  environment: CoordinatorEnvironment,
  state: CoordinatorState,
  { round, attempt, step, members }: Reached,
): CoordinatorEvent[] {
  const present = presentRound(state);
  const known = present !== null && isCurrent(present, { round, attempt });
  // An enclave that restarted tells its whole history again: no step is gone back to, nor any attempt.
  if (known ? STEPS.indexOf(step) <= STEPS.indexOf(present.step) : !isAhead(state, { round, attempt })) return [];
  if (!('rounds' in state)) return [{ type: 'attempt-learned', round, attempt, step, expected: members }];
  if (!known)
    return adopt(environment, state, { round, attempt, step, expected: new Set(members), done: new Set(), waited: 0 });
  // Who is connected when a round opens is waited for; a coordinator that takes one over cannot know who was.
  const expected = step === 'commit' ? [...availableSites(state)] : members;
  const deadlineMs = allowedMs(environment.sealed.contract, step);
  return [{ type: 'step-started', round, attempt, step, expected, deadlineMs }];
}

/** Of an attempt that this coordinator has neither asked for nor heard of: it lost its log, or the end of it. */
function isAhead({ released, attempted }: CoordinatorState, { round, attempt }: Place): boolean {
  if (round <= released) return false;
  return attempted === null || round > attempted.round || (round === attempted.round && attempt > attempted.attempt);
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
function isNews(state: CoordinatorState, { round, attempt }: Place): boolean {
  const { released, attempted } = state;
  const present = presentRound(state);
  if (present !== null && isCurrent(present, { round, attempt })) return true;
  return round === released + 1 && attempt > (attempted?.round === round ? attempted.attempt : 0);
}

function seeAbort(
  { maxAttempts }: CoordinatorEnvironment,
  state: CoordinatorState,
  { round, attempt, code }: Place & { readonly code: ErrorCode },
): CoordinatorEvent[] {
  const failures = 'failures' in state ? state.failures : 0;
  const retryInMs = Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS);
  const aborted: CoordinatorEvent = { type: 'round-aborted', round, attempt, code, retryInMs };
  const asked = state.phase === 'running' || state.phase === 'between';
  return asked && failures + 1 >= maxAttempts ? [aborted, { type: 'study-failed', code }] : [aborted];
}

/** Goes on with what the enclave is in: asking for another attempt would burn what is committed. */
export function adopt(
  environment: CoordinatorEnvironment,
  { withdrawn }: CoordinatorState,
  { round, attempt, step, expected, done }: RunningRound,
): CoordinatorEvent[] {
  const waitedFor = [...expected].filter((id) => !withdrawn.has(id));
  const deadlineMs = allowedMs(environment.sealed.contract, step);
  return [
    { type: 'attempt-adopted', round, attempt, step, expected: waitedFor, done: [...done], deadlineMs },
    ...whenComplete(environment, { round, attempt, step, expected: new Set(waitedFor), done, waited: 0 }),
  ];
}

/** Nobody left to wait for: ask for the next step now instead of at the deadline. */
export function whenComplete(
  { sealed: { contract } }: CoordinatorEnvironment,
  current: RunningRound,
): CoordinatorEvent[] {
  const { step, expected, done } = current;
  const action = closingAction(step);
  const complete = [...expected].every((id) => done.has(id));
  if (!complete || action === null || step === 'acknowledge') return [];
  // A cohort that is too small would only be aborted: hospitals that are still connecting get until the deadline.
  const enough = done.size >= contract.kMin && contract.requireSites.every((id) => done.has(id));
  if (step === 'commit' && !enough) return [];
  return [{ type: 'action-requested', action, round: current.round, attempt: current.attempt, againMs: null }];
}

/** What ends the waiting of a step; null where nothing but the enclave's answer does. */
export function closingAction(step: RoundStep): RoundAction | null {
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

export const isCurrent = (current: RunningRound, { round, attempt }: { round: number; attempt: number }): boolean =>
  current.round === round && current.attempt === attempt;
