import type { EnclaveCommand, EnclaveEvent } from '../../aggregator-enclave/event.ts';
import type { CoordinatorCommand } from '../../coordinator/event.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { MemoryEnclave } from '../support/study-in-memory.ts';
import { digestOf, START } from '../support/test-contract.ts';
import { CoordinatorMachine, type Advance } from './coordinator-machine.ts';
import { EnclaveMachine, type EnclaveWitness } from './enclave-machine.ts';
import { Journal } from './journal.ts';
import { noticeOf, statementNotice } from './notices.ts';
import { Promises } from './promises.ts';
import { SiteMachine } from './site-machine.ts';

const MAX_ENCLAVES = 3;

/**
 * The three deciders, each with a disk, and a network between them that keeps everything ever sent: whoever drives this
 * world decides what arrives, how often and in which order, who is killed at which write, and whose disk is put back
 * or copied. Clocks stand still; timers fire when asked.
 */
export class StudyWorld implements EnclaveWitness {
  readonly sealed: SealedContract;
  readonly enclaves: EnclaveMachine[] = [];
  readonly sites: readonly SiteMachine[];
  readonly coordinator: CoordinatorMachine;
  readonly promises: Promises;
  /** Everything that sites ever sent to an enclave. */
  readonly mail: EnclaveCommand[] = [];
  /** Every statement that ever left an enclave. */
  readonly issued: SignedStatement[] = [];
  /** Everything that the coordinator ever asked for. */
  readonly asked: Advance[] = [];
  readonly #notices = new Map<EnclaveMachine, CoordinatorCommand[]>();
  /** The enclave that the coordinator drives. */
  #driven: EnclaveMachine | null = null;

  constructor(sealed: SealedContract) {
    this.sealed = sealed;
    this.sites = sealed.contract.organisations.map(({ id }) => new SiteMachine(sealed, id));
    for (const site of this.sites) site.boot();
    this.promises = new Promises(sealed, this.sites);
    this.coordinator = new CoordinatorMachine(sealed);
    const journal = begun(sealed);
    for (const event of journal.events) if (event.type === 'born') this.promises.recall(event.statement);
    this.#driven = this.#start('enclave', journal);
    this.coordinator.enrol();
    this.coordinator.launch();
    for (const site of this.sites) site.connect(this.driven);
  }

  get driven(): EnclaveMachine {
    if (this.#driven === null) throw new Error('a world without enclave');
    return this.#driven;
  }

  /** `enclaves[index]`, counted round. */
  enclave(index: number): EnclaveMachine {
    return pick(this.enclaves, index) ?? this.driven;
  }

  site(index: number): SiteMachine {
    const site = pick(this.sites, index);
    if (site === undefined) throw new Error('a world without sites');
    return site;
  }

  /** The coordinator turns to another enclave, and hears its story from the beginning. */
  drive(machine: EnclaveMachine): void {
    this.#driven = machine;
    this.coordinator.heard = 0;
  }

  /** A second enclave from the first `appends` writes of this one's disk; null when there are enough. */
  twin(of: EnclaveMachine, appends: number): EnclaveMachine | null {
    if (this.enclaves.length >= MAX_ENCLAVES) return null;
    return this.#start(`twin ${this.enclaves.length}`, of.journal.copy(appends));
  }

  /** The next notice of the driven enclave reaches the coordinator. */
  hear(): void {
    const notice = this.#notices.get(this.driven)?.[this.coordinator.heard];
    if (notice === undefined) return;
    this.coordinator.heard += 1;
    this.coordinator.handle(notice);
  }

  /** Everything the coordinator may have heard already. */
  heardNotices(): readonly CoordinatorCommand[] {
    return (this.#notices.get(this.driven) ?? []).slice(0, this.coordinator.heard);
  }

  get unheard(): number {
    return (this.#notices.get(this.driven)?.length ?? 0) - this.coordinator.heard;
  }

  /** What a site owes is sent, and arrives at the enclave it is in session with. */
  act(site: SiteMachine): void {
    for (const command of site.act()) {
      this.mail.push(command);
      site.session?.handle(command);
    }
  }

  /** One thing that the coordinator asks for reaches an enclave, perhaps late, perhaps again, perhaps another one. */
  advance(asked: Advance, machine: EnclaveMachine = this.driven): void {
    const { action, round, attempt } = asked;
    this.asked.push(asked);
    switch (action) {
      case 'open-round':
        machine.handle({ type: 'open-round', at: START, round, attempt });
        return;
      case 'lock-cohort':
      case 'close-acknowledgement':
      case 'abort-round':
        machine.handle({ type: action, at: START });
        return;
      case 'close-collection':
        machine.handle({ type: action, at: START, salt: digestOf(`${machine.name} ${round}/${attempt}`) });
    }
  }

  happened(machine: EnclaveMachine, event: EnclaveEvent, before: EnclaveMachine['state']): void {
    this.promises.see(machine, event, before);
  }

  told(machine: EnclaveMachine, event: EnclaveEvent): void {
    if (event.type === 'born' || event.type === 'statement-issued' || event.type === 'result-sealed')
      this.issued.push(event.statement);
    const notice = noticeOf(event, machine.state);
    if (notice !== null) this.#notices.get(machine)?.push(notice);
    if (event.type !== 'halted') return;
    for (const site of this.sites) if (site.session === machine) site.session = null;
  }

  rebooted(machine: EnclaveMachine): void {
    const story = machine.statements.map(statementNotice).filter((notice) => notice !== null);
    this.#notices.set(machine, story);
    if (machine === this.#driven) this.coordinator.heard = 0;
    for (const site of this.sites) if (site.session === machine) site.session = null;
  }

  #start(name: string, journal: Journal<EnclaveEvent>): EnclaveMachine {
    const machine = new EnclaveMachine({ name, sealed: this.sealed, journal, witness: this });
    this.enclaves.push(machine);
    machine.boot();
    return machine;
  }
}

/** The disk of an enclave that has its genesis and everybody's approval. */
function begun(sealed: SealedContract): Journal<EnclaveEvent> {
  const enclave = new MemoryEnclave(sealed, 'genesis boot');
  enclave.begin();
  return new Journal([enclave.log]);
}

export const pick = <T>(candidates: readonly T[], index: number): T | undefined =>
  candidates[index % Math.max(1, candidates.length)];
