import { decide, type Decision } from '../../aggregator-enclave/decider.ts';
import { isDurable, type EnclaveCommand, type EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { evolve } from '../../aggregator-enclave/evolve.ts';
import type { EnclaveState } from '../../aggregator-enclave/state.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { MemoryEnclave, must } from '../support/study-in-memory.ts';
import { digestOf, START } from '../support/test-contract.ts';
import type { Fate, Journal } from './journal.ts';

/** What a machine tells the world; `before` is the state in which the event was decided. */
export interface EnclaveWitness {
  /** Everything that happened in memory, stored or volatile. */
  readonly happened: (machine: EnclaveMachine, event: EnclaveEvent, before: EnclaveState) => void;
  /** What left the machine: not told when it crashed after the write. */
  readonly told: (machine: EnclaveMachine, event: EnclaveEvent) => void;
  readonly rebooted: (machine: EnclaveMachine) => void;
}

interface Parts {
  readonly name: string;
  readonly sealed: SealedContract;
  readonly journal: Journal<EnclaveEvent>;
  readonly witness: EnclaveWitness;
}

/** One disk and the enclave that runs from it; a twin is another machine with a copy of the disk. */
export class EnclaveMachine {
  readonly name: string;
  readonly journal: Journal<EnclaveEvent>;
  readonly #parts: Parts;
  #running: MemoryEnclave;
  #boots = 0;
  /** What happens at the next write; the machine is then started again. */
  fate: Fate | null = null;

  constructor(parts: Parts) {
    this.name = parts.name;
    this.journal = parts.journal;
    this.#parts = parts;
    this.#running = new MemoryEnclave(parts.sealed);
  }

  get running(): MemoryEnclave {
    return this.#running;
  }

  get state(): EnclaveState {
    return this.#running.state;
  }

  /** Every statement on the disk, index = counter. */
  get statements(): readonly SignedStatement[] {
    return this.journal.events.flatMap((event) =>
      event.type === 'born' || event.type === 'statement-issued' || event.type === 'result-sealed'
        ? [event.statement]
        : [],
    );
  }

  /** Starts again from what is stored: another boot key, and nothing of the memory. */
  boot(): void {
    this.#boots += 1;
    this.fate = null;
    const { name, sealed, witness } = this.#parts;
    const fresh = new MemoryEnclave(sealed, `${name} boot ${this.#boots}`);
    fresh.state = this.journal.events.reduce((state, event) => evolve(fresh.environment, state, event), fresh.state);
    this.#running = fresh;
    witness.rebooted(this);
    if (fresh.state.phase === 'halted') return;
    const initial = initialWeights(sealed.contract.model.spec);
    const boot = { type: 'boot', at: START, noiseRoot: digestOf('noise root'), initialWeights: initial } as const;
    const stated = must(decide(fresh.environment, fresh.state, boot));
    const publication = (): EnclaveCommand => ({ type: 'record-publication', publication: fresh.publication() });
    this.#commit(stated);
    this.#commit(must(decide(fresh.environment, fresh.state, publication())));
  }

  /** null: the machine crashed at its write and was started again. */
  handle(command: EnclaveCommand): Decision | null {
    const decision = decide(this.#running.environment, this.state, command);
    if (!decision.ok) return decision;
    const stores = decision.value.some(isDurable);
    if (!stores || this.fate === null) {
      this.#commit(decision.value);
      return decision;
    }
    if (this.fate === 'unreported') this.#commit(decision.value, { told: false });
    this.boot();
    return null;
  }

  #commit(events: readonly EnclaveEvent[], { told } = { told: true }): void {
    const { witness } = this.#parts;
    const durable = events.filter(isDurable);
    if (durable.length > 0) this.journal.append(durable);
    for (const event of events) {
      const before = this.state;
      this.#running.state = evolve(this.#running.environment, before, event);
      witness.happened(this, event, before);
      if (told) witness.told(this, event);
    }
  }
}
