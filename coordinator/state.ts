import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { ErrorCode } from '../lib/core/errors.ts';
import type { Instant, OrganisationId } from '../lib/core/ids.ts';

/** What the coordinator waits for inside a round. */
export type RoundStep = 'opening' | 'commit' | 'upload' | 'acknowledge';

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
  /** Newest attempt asked for; null before the first. */
  readonly attempted: Pending | null;
}

/** enrolling → gathering → between ⇄ running → finished | failed | stopped. */
export type CoordinatorState =
  | ({ readonly phase: 'enrolling' } & Roster)
  | ({ readonly phase: 'gathering'; readonly rounds: number } & Roster)
  | ({ readonly phase: 'between'; readonly rounds: number; readonly next: Pending } & Roster)
  | ({ readonly phase: 'running'; readonly rounds: number; readonly current: RunningRound } & Roster)
  | ({ readonly phase: 'finished' } & Roster)
  | ({ readonly phase: 'failed'; readonly code: ErrorCode } & Roster)
  | ({ readonly phase: 'stopped' } & Roster);

export const INITIAL_STATE: CoordinatorState = {
  phase: 'enrolling',
  approvals: new Map(),
  withdrawn: new Map(),
  connected: new Set(),
  released: 0,
  attempted: null,
};

/** Approved and connected: who can take part now. */
export function availableSites({ approvals, connected }: Roster): Set<OrganisationId> {
  return new Set([...connected].filter((id) => approvals.has(id)));
}

/** The approvals that still hold at `at`; an expired one would only be refused by whoever reads it. */
export function approvalsInForce({ approvals }: Roster, at: Instant): Uint8Array[] {
  return [...approvals.values()].flatMap(({ approval, expires }) => (expires > at ? [approval] : []));
}
