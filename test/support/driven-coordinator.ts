import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { evolve } from '../../aggregator-enclave/evolve.ts';
import { noticeOf, type CoreNotice } from '../../aggregator-enclave/notice.ts';
import { Coordinator } from '../../coordinator/coordinator.ts';
import type { CoordinatorCommand, CoordinatorEffect } from '../../coordinator/event.ts';
import type { CoordinatorEnvironment, CoordinatorState } from '../../coordinator/state.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import { statementNotice } from '../property/notices.ts';
import type { MemoryEnclave } from './study-in-memory.ts';
import { digestOf, START } from './test-contract.ts';

type Advance = Extract<CoordinatorEffect, { type: 'advance' }>;
type Timer = Extract<CoordinatorEffect, { type: 'timer' }>;

/** The coordinator's real shell on `disk`; what it asks for waits here, in place of a network and a clock. */
export class DrivenCoordinator {
  readonly #coordinator: Coordinator;
  readonly #effects: CoordinatorEffect[];

  private constructor(coordinator: Coordinator, effects: CoordinatorEffect[]) {
    this.#coordinator = coordinator;
    this.#effects = effects;
  }

  /** As after a start of its program: what the log owes has been asked for. */
  static async start(sealed: SealedContract, disk: MemoryDisk): Promise<DrivenCoordinator> {
    const environment: CoordinatorEnvironment = { sealed, gatherMs: 60_000, maxAttempts: 10 };
    const effects: CoordinatorEffect[] = [];
    const coordinator = await Coordinator.start(environment, {
      events: openMemoryStore(disk).events,
      perform: (effect) => effects.push(effect),
      onEvent: () => undefined,
      onFault: (fault) => {
        throw fault;
      },
    });
    coordinator.takeUp();
    return new DrivenCoordinator(coordinator, effects);
  }

  get state(): CoordinatorState {
    return this.#coordinator.state;
  }

  async tell(command: CoordinatorCommand): Promise<void> {
    await this.#coordinator.handle(command);
  }

  /** The oldest action that was asked for and not taken yet. */
  nextAction(): Advance | null {
    const index = this.#effects.findIndex(({ type }) => type === 'advance');
    const [taken] = index < 0 ? [] : this.#effects.splice(index, 1);
    return taken?.type === 'advance' ? taken : null;
  }

  /** A timer that mends (an opening asked for again, a retry) runs out; false when none is set. Deadlines never do. */
  async letTimePass(): Promise<boolean> {
    const mends = (effect: CoordinatorEffect): effect is Timer =>
      effect.type === 'timer' && (effect.step === 'opening' || effect.step === 'retry');
    const timer = this.#effects.find(mends);
    if (timer === undefined) return false;
    this.#effects.splice(this.#effects.indexOf(timer), 1);
    await this.tell({ ...timer, type: 'deadline' });
    return true;
  }
}

/** What the core tells of the events of `command`, each with the state behind it. Null when the enclave refuses. */
export function handleAndTell(enclave: MemoryEnclave, command: EnclaveCommand): CoreNotice[] | null {
  let state = enclave.state;
  const decision = enclave.handle(command);
  if (!decision.ok) return null;
  return decision.value.flatMap((event) => {
    state = evolve(enclave.environment, state, event);
    return noticeOf(event, state) ?? [];
  });
}

/** What the enclave's host makes of an action; null: it is for an attempt that does not run. */
export function enclaveCommandOf({ action, round, attempt }: Advance, { state }: MemoryEnclave): EnclaveCommand | null {
  const at = START;
  if (action === 'open-round') return { type: 'open-round', at, round, attempt };
  const running = 'manifest' in state ? state.manifest.statement : null;
  if (running !== null && (running.round !== round || running.attempt !== attempt)) return null;
  if (action !== 'close-collection') return { type: action, at };
  return { type: action, at, salt: digestOf(`salt ${round}/${attempt}`) };
}

/** What the coordinator's link makes of a notice. */
export function coordinatorCommandOf(notice: CoreNotice): CoordinatorCommand | null {
  switch (notice.kind) {
    case 'statement':
      return statementNotice(notice.statement);
    case 'commit':
      return { ...notice, type: 'see-step', step: 'commit' };
    case 'update':
      return { ...notice, type: 'see-step', step: 'upload' };
    case 'acknowledgement':
      return { ...notice, type: 'see-step', step: 'acknowledge' };
    case 'approval':
      return { type: 'receive-approval', at: START, approval: notice.approval };
    case 'withdrawal':
      return { type: 'receive-withdrawal', withdrawal: notice.withdrawal };
    case 'halted':
      return { type: 'see-halt', code: notice.refusal.code };
    case 'publication':
      return null;
  }
}
