import type { ErrorCode } from '../lib/core/errors.ts';
import type { Instant, OrganisationId } from '../lib/core/ids.ts';
import type { RoundStep, StandingApproval } from './state.ts';

const OPENING_RETRY_MS = 5_000;

interface Attempt {
  readonly round: number;
  readonly attempt: number;
}

export type RoundAction = 'open-round' | 'lock-cohort' | 'close-collection' | 'close-acknowledgement' | 'abort-round';

/** What reaches the coordinator's decider. */
export type CoordinatorCommand =
  | { readonly type: 'receive-approval'; readonly at: Instant; readonly approval: Uint8Array }
  | { readonly type: 'receive-withdrawal'; readonly withdrawal: Uint8Array }
  /** `rounds`: more than are released. */
  | { readonly type: 'launch'; readonly rounds: number }
  /** Without a person, once the past is known; `rounds`: from the first on. */
  | { readonly type: 'auto-launch'; readonly rounds: number }
  | { readonly type: 'see-site'; readonly organisation: OrganisationId; readonly connected: boolean }
  | ({
      readonly type: 'see-step';
      readonly step: Exclude<RoundStep, 'opening'>;
      readonly organisation: OrganisationId;
    } & Attempt)
  | ({ readonly type: 'see-statement'; readonly statement: SeenStatement } & Attempt)
  /** The enclave serves nobody any more, or tells a second history (PROTOCOL §7). */
  | { readonly type: 'see-halt'; readonly code: ErrorCode }
  | { readonly type: 'gathering-over' }
  | ({ readonly type: 'deadline'; readonly step: RoundStep | 'retry' } & Attempt)
  | { readonly type: 'stop' };

/** As far as liveness needs to know. */
export type SeenStatement =
  | { readonly type: 'manifest' }
  | { readonly type: 'certificate' | 'intent'; readonly members: readonly OrganisationId[] }
  | { readonly type: 'release' }
  | { readonly type: 'abort'; readonly code: ErrorCode };

export type CoordinatorEvent =
  | ({ readonly type: 'approval-recorded'; readonly organisation: OrganisationId } & StandingApproval)
  | { readonly type: 'withdrawal-recorded'; readonly organisation: OrganisationId; readonly withdrawal: Uint8Array }
  | { readonly type: 'launched'; readonly rounds: number; readonly gatherMs: number }
  | { readonly type: 'site-seen'; readonly organisation: OrganisationId; readonly connected: boolean }
  | ({ readonly type: 'round-requested' } & Attempt)
  /** Heard of while nothing is launched: the enclave is in it. */
  | ({
      readonly type: 'attempt-learned';
      readonly step: RoundStep;
      readonly expected: readonly OrganisationId[];
    } & Attempt)
  /** What the enclave is in already becomes the attempt that this coordinator drives. */
  | ({
      readonly type: 'attempt-adopted';
      readonly step: RoundStep;
      readonly expected: readonly OrganisationId[];
      readonly done: readonly OrganisationId[];
      readonly deadlineMs: number;
    } & Attempt)
  | ({
      readonly type: 'step-started';
      readonly step: RoundStep;
      readonly expected: readonly OrganisationId[];
      readonly deadlineMs: number;
    } & Attempt)
  | ({ readonly type: 'site-advanced'; readonly step: RoundStep; readonly organisation: OrganisationId } & Attempt)
  /** `againMs`: when to ask again if nothing comes of it; null: never. */
  | ({ readonly type: 'action-requested'; readonly action: RoundAction; readonly againMs: number | null } & Attempt)
  | ({ readonly type: 'round-released' } & Attempt)
  | ({ readonly type: 'round-aborted'; readonly code: ErrorCode; readonly retryInMs: number } & Attempt)
  | { readonly type: 'study-ended'; readonly outcome: 'finished' | 'stopped' }
  | { readonly type: 'study-failed'; readonly code: ErrorCode };

/** What the shell does after storing events; each is idempotent by (round, attempt, action) or by organisation. */
export type CoordinatorEffect =
  | { readonly type: 'withdraw'; readonly withdrawal: Uint8Array }
  | ({ readonly type: 'advance'; readonly action: RoundAction } & Attempt)
  | ({ readonly type: 'timer'; readonly step: RoundStep | 'retry'; readonly ms: number } & Attempt)
  | { readonly type: 'gathering-timer'; readonly ms: number };

export function effectsOf(event: CoordinatorEvent): readonly CoordinatorEffect[] {
  switch (event.type) {
    case 'launched':
      return [{ type: 'gathering-timer', ms: event.gatherMs }];
    case 'round-requested':
      return request('open-round', event);
    case 'step-started':
    case 'attempt-adopted':
      return [{ type: 'timer', step: event.step, ms: event.deadlineMs, round: event.round, attempt: event.attempt }];
    case 'action-requested':
      return [...request(event.action, event), ...again(event)];
    case 'round-aborted':
      return [{ type: 'timer', step: 'retry', ms: event.retryInMs, round: event.round, attempt: event.attempt }];
    case 'withdrawal-recorded':
      return [{ type: 'withdraw', withdrawal: event.withdrawal }];
    case 'approval-recorded':
    case 'site-seen':
    case 'attempt-learned':
    case 'site-advanced':
    case 'round-released':
    case 'study-ended':
    case 'study-failed':
      return [];
  }
}

/** Too few acknowledgements so far: the result stays sealed, and the enclave is asked again. */
function again({
  againMs,
  round,
  attempt,
}: Extract<CoordinatorEvent, { type: 'action-requested' }>): readonly CoordinatorEffect[] {
  return againMs === null ? [] : [{ type: 'timer', step: 'acknowledge', ms: againMs, round, attempt }];
}

/** An opening that brings no manifest is asked for again: the enclave may have been restarting. */
function request(action: RoundAction, { round, attempt }: Attempt): readonly CoordinatorEffect[] {
  const advance = { type: 'advance', action, round, attempt } as const;
  return action === 'open-round'
    ? [advance, { type: 'timer', step: 'opening', ms: OPENING_RETRY_MS, round, attempt }]
    : [advance];
}
