import { decide } from '../../coordinator/decider.ts';
import {
  effectsOf,
  type CoordinatorCommand,
  type CoordinatorEffect,
  type CoordinatorEvent,
} from '../../coordinator/event.ts';
import { evolve } from '../../coordinator/evolve.ts';
import { INITIAL_STATE, type CoordinatorEnvironment, type CoordinatorState } from '../../coordinator/state.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { START, testApproval } from '../support/test-contract.ts';
import { Journal, type Fate } from './journal.ts';

export type Advance = Extract<CoordinatorEffect, { type: 'advance' }>;

/** The coordinator with its disk; its effects wait until the world performs them. */
export class CoordinatorMachine {
  readonly environment: CoordinatorEnvironment;
  readonly journal = new Journal<CoordinatorEvent>();
  state: CoordinatorState = INITIAL_STATE;
  fate: Fate | null = null;
  /** How much of the enclave's notices arrived in this life. */
  heard = 0;
  readonly advances: Advance[] = [];
  readonly timers: CoordinatorCommand[] = [];

  constructor(sealed: SealedContract) {
    this.environment = { sealed, gatherMs: 1_000, maxAttempts: 1_000_000 };
  }

  handle(command: CoordinatorCommand): void {
    const decision = decide(this.environment, this.state, command);
    if (!decision.ok || decision.value.length === 0) return;
    const { fate } = this;
    if (fate !== 'lost') this.journal.append(decision.value);
    if (fate !== null) {
      this.boot();
      return;
    }
    for (const event of decision.value) {
      this.state = evolve(this.state, event);
      for (const effect of effectsOf(event)) {
        if (effect.type === 'advance') this.advances.push(effect);
        else if (effect.type === 'timer') this.timers.push({ ...effect, type: 'deadline' });
      }
    }
  }

  /** Starts again from what is stored, is told everything anew, and hospitals hand their approvals in again. */
  boot(): void {
    this.state = this.journal.events.reduce(evolve, INITIAL_STATE);
    this.fate = null;
    this.heard = 0;
    this.advances.splice(0);
    this.timers.splice(0, this.timers.length, ...owed(this.state));
    this.enrol();
  }

  /** Whatever hospitals say to a coordinator that they find. */
  enrol(): void {
    const { sealed } = this.environment;
    for (const { id } of sealed.contract.organisations) {
      this.handle({ type: 'receive-approval', at: START, approval: testApproval(sealed, id) });
      this.handle({ type: 'see-site', organisation: id, connected: true });
    }
  }

  launch(): void {
    this.handle({ type: 'launch', rounds: this.environment.sealed.contract.rounds });
  }
}

/** The timer of the present step, which a restart sets again. */
function owed(state: CoordinatorState): CoordinatorCommand[] {
  if (state.phase === 'gathering') return [{ type: 'gathering-over' }];
  if (state.phase === 'between') {
    const { round, attempt } = state.next;
    return [{ type: 'deadline', step: 'retry', round, attempt: attempt - 1 }];
  }
  if (state.phase !== 'running') return [];
  const { round, attempt, step } = state.current;
  return [{ type: 'deadline', step, round, attempt }];
}
