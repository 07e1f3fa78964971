import type { SealedContract, StudyContract } from '../lib/contract/study-contract.ts';
import type { ErrorCode } from '../lib/core/errors.ts';
import type { Instant, OrganisationId } from '../lib/core/ids.ts';

/** What the coordinator waits for inside a round. */
export type RoundStep = 'opening' | 'commit' | 'upload' | 'acknowledge';

/** How long a step may take; an opening that brings no manifest is asked for again at once. */
export function allowedMs({ deadlines }: Pick<StudyContract, 'deadlines'>, step: RoundStep): number {
  const { commitMs, uploadMs, acknowledgeMs } = deadlines;
  return { opening: 0, commit: commitMs, upload: uploadMs, acknowledge: acknowledgeMs }[step];
}

/** One attempt as the coordinator sees it; it protects nobody, it only keeps things moving. */
export interface RunningRound {
  readonly round: number;
  readonly attempt: number;
  readonly step: RoundStep;
  /** Organisations that can do the step: connected ones, then the certificate's, then the intent's. */
  readonly expected: ReadonlySet<OrganisationId>;
  /** Organisations that did it. */
  readonly done: ReadonlySet<OrganisationId>;
  /** Deadlines that passed in the `acknowledge` step, at each of which the enclave was asked to release. */
  readonly waited: number;
}

export interface Pending {
  readonly round: number;
  readonly attempt: number;
}

export interface CoordinatorEnvironment {
  readonly sealed: SealedContract;
  /** How long a launch waits for approved hospitals that are not connected yet, in milliseconds. */
  readonly gatherMs: number;
  /** Aborted attempts in a row, or deadlines without enough acknowledgements, after which the study is given up. */
  readonly maxAttempts: number;
}

/** What a hospital signed, as it was received. */
export interface StandingApproval {
  readonly approval: Uint8Array;
  readonly expires: Instant;
}

interface Roster {
  readonly approvals: ReadonlyMap<OrganisationId, StandingApproval>;
  /** Signed withdrawals; nobody leaves this map again (PROTOCOL §6.3). */
  readonly withdrawn: ReadonlyMap<OrganisationId, Uint8Array>;
  readonly connected: ReadonlySet<OrganisationId>;
  /** Rounds released so far. */
  readonly released: number;
  /** Newest attempt asked for or heard of; null before the first. */
  readonly attempted: Pending | null;
}

/** Nobody has launched, or what was launched is over. */
interface AtRest extends Roster {
  /**
   * The attempt that the enclave has begun and not ended, as it told: asked for before a stop, or by a coordinator that
   * lost its disk since. The next launch goes on with it, because a committed result would be burned by another one.
   */
  readonly underWay: RunningRound | null;
}

interface Launched extends Roster {
  /** Rounds released at the end of this launch. */
  readonly rounds: number;
  /** Aborted attempts in a row since the launch or its last release. */
  readonly failures: number;
}

/** enrolling → gathering → between ⇄ running → finished | failed | stopped. */
export type CoordinatorState =
  | ({ readonly phase: 'enrolling' } & AtRest)
  | ({ readonly phase: 'gathering' } & Launched)
  | ({ readonly phase: 'between'; readonly next: Pending } & Launched)
  | ({ readonly phase: 'running'; readonly current: RunningRound } & Launched)
  | ({ readonly phase: 'finished' } & AtRest)
  | ({ readonly phase: 'failed'; readonly code: ErrorCode } & AtRest)
  | ({ readonly phase: 'stopped' } & AtRest);

export const INITIAL_STATE: CoordinatorState = {
  phase: 'enrolling',
  approvals: new Map(),
  withdrawn: new Map(),
  connected: new Set(),
  released: 0,
  attempted: null,
  underWay: null,
};

/** The attempt that the enclave is in, or was asked for, as far as this coordinator knows. */
export function presentRound(state: CoordinatorState): RunningRound | null {
  if (state.phase === 'running') return state.current;
  return 'rounds' in state ? null : state.underWay;
}

/** Approved and connected: who can take part now. */
export function availableSites({ approvals, connected }: Roster): Set<OrganisationId> {
  return new Set([...connected].filter((id) => approvals.has(id)));
}

/** The approvals that still hold at `at`; an expired one would only be refused by whoever reads it. */
export function approvalsInForce({ approvals }: Roster, at: Instant): Uint8Array[] {
  return [...approvals.values()].flatMap(({ approval, expires }) => (expires > at ? [approval] : []));
}
