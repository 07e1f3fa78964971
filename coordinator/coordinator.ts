import { RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { Result } from '../lib/core/result.ts';
import { FailStopQueue } from '../lib/core/serial-queue.ts';
import { eachEvent } from '../lib/store/each-event.ts';
import type { EventStore } from '../lib/store/event-store.ts';
import { decide, type CoordinatorDecision } from './decider.ts';
import { decodeCoordinatorEvent, encodeCoordinatorEvent } from './event-codec.ts';
import { effectsOf, type CoordinatorCommand, type CoordinatorEffect, type CoordinatorEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { whenComplete } from './round-progress.ts';
import { allowedMs, INITIAL_STATE, type CoordinatorEnvironment, type CoordinatorState } from './state.ts';

const STREAM = 'coordinator';

interface Ports {
  readonly events: EventStore;
  /** Performs one effect; must not throw. Effects may be performed twice. */
  readonly perform: (effect: CoordinatorEffect) => void;
  /** Told of every stored event, after a restart of the earlier ones again (`replayed`). */
  readonly onEvent: (event: CoordinatorEvent, told: { readonly replayed: boolean }) => void;
  /** Told of a fault that leaves this program's memory in doubt; it must end. */
  readonly onFault: (fault: unknown) => void;
}

/** The liveness decider at run time: one command at a time, stored before its effects are performed. */
export class Coordinator {
  readonly #environment: CoordinatorEnvironment;
  readonly #ports: Ports;
  readonly #queue: FailStopQueue;
  #state: CoordinatorState = INITIAL_STATE;
  #version = 0;
  /** Asked for in the present step and perhaps never sent. */
  #requested: Requested | null = null;

  private constructor(environment: CoordinatorEnvironment, ports: Ports) {
    this.#environment = environment;
    this.#ports = ports;
    this.#queue = new FailStopQueue(ports.onFault);
  }

  /** Replays the stored log and takes up what was under way. Throws RefusalError on a log that cannot be read. */
  static async start(environment: CoordinatorEnvironment, ports: Ports): Promise<Coordinator> {
    const coordinator = new Coordinator(environment, ports);
    for await (const bytes of eachEvent(ports.events, STREAM)) {
      const event = decodeCoordinatorEvent(bytes);
      if (!event.ok) throw new RefusalError(event.error);
      coordinator.#state = evolve(coordinator.#state, event.value);
      coordinator.#requested = requestedAfter(coordinator.#requested, event.value);
      ports.onEvent(event.value, { replayed: true });
      coordinator.#version += 1;
    }
    return coordinator;
  }

  get state(): CoordinatorState {
    return this.#state;
  }

  /** Effects that a restart must perform again: the timer of the present step, and what was asked of the enclave in it. */
  takeUp(): void {
    for (const effect of owed(this.#state, this.#environment)) this.#ports.perform(effect);
    const { phase } = this.#state;
    // A log that lost its end may know that everybody is done, and not that the next step was asked for.
    const complete = phase === 'running' ? whenComplete(this.#environment, this.#state.current) : [];
    const requested = this.#requested === null ? complete : [this.#requested];
    for (const effect of requested.flatMap(effectsOf)) this.#ports.perform(effect);
  }

  /** Rejects, with a RefusalError where the store refused, when the decision could not be stored; then nothing more is decided. */
  handle(command: CoordinatorCommand): Promise<CoordinatorDecision> {
    return this.#queue.run(async () => {
      const decision = decide(this.#environment, this.#state, command);
      if (!decision.ok || decision.value.length === 0) return decision;
      const stored = await this.#append(decision.value);
      // Somebody else writes this log: whatever this coordinator believes is out of date.
      if (!stored.ok) throw new RefusalError(stored.error);
      for (const event of decision.value) {
        this.#state = evolve(this.#state, event);
        this.#requested = requestedAfter(this.#requested, event);
        this.#ports.onEvent(event, { replayed: false });
      }
      for (const effect of decision.value.flatMap(effectsOf)) this.#ports.perform(effect);
      return decision;
    });
  }

  async #append(events: readonly CoordinatorEvent[]): Promise<Result<number, Refusal>> {
    const appended = await this.#ports.events.append(STREAM, this.#version, events.map(encodeCoordinatorEvent));
    if (appended.ok) this.#version = appended.value;
    return appended;
  }
}

type Requested = Extract<CoordinatorEvent, { type: 'action-requested' }>;

/** A request stands until the round moves on: only then has the enclave heard it, or is it too late. */
function requestedAfter(requested: Requested | null, event: CoordinatorEvent): Requested | null {
  switch (event.type) {
    case 'action-requested':
      return event;
    case 'round-requested':
    case 'attempt-adopted':
    case 'step-started':
    case 'round-released':
    case 'round-aborted':
    case 'study-ended':
    case 'study-failed':
      return null;
    case 'approval-recorded':
    case 'withdrawal-recorded':
    case 'launched':
    case 'site-seen':
    case 'attempt-learned':
    case 'site-advanced':
      return requested;
  }
}

function owed(state: CoordinatorState, { gatherMs, sealed }: CoordinatorEnvironment): readonly CoordinatorEffect[] {
  switch (state.phase) {
    case 'gathering':
      return [{ type: 'gathering-timer', ms: gatherMs }];
    case 'between':
      return [{ type: 'timer', step: 'retry', ms: 0, round: state.next.round, attempt: state.next.attempt - 1 }];
    case 'running': {
      const { round, attempt, step } = state.current;
      return [{ type: 'timer', step, ms: allowedMs(sealed.contract, step), round, attempt }];
    }
    case 'enrolling':
    case 'finished':
    case 'failed':
    case 'stopped':
      return [];
  }
}
