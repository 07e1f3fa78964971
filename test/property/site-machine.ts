import { decide } from '../../site-agent/decider.ts';
import type { SiteCommand, SiteEvent } from '../../site-agent/event.ts';
import { evolve } from '../../site-agent/evolve.ts';
import { initialSiteState } from '../../site-agent/state.ts';
import { headOfChain, isOnChain } from '../../lib/audit/chain.ts';
import { encodePublication } from '../../lib/audit/passport-bundle.ts';
import { toHex } from '../../lib/core/bytes.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { ok, type Result } from '../../lib/core/result.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { updateCommitment } from '../../lib/learning/update-codec.ts';
import { MemorySite, must } from '../support/study-in-memory.ts';
import { START } from '../support/test-contract.ts';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import type { EnclaveMachine } from './enclave-machine.ts';
import { Journal, type Fate } from './journal.ts';

/** How a site's first words in a session were answered. */
export type Greeting = 'served' | 'halted' | 'refused';

/** One hospital: a disk, the agent that runs from it, and at most one session. */
export class SiteMachine {
  readonly journal = new Journal<SiteEvent>();
  readonly organisation: OrganisationId;
  /** Every event that was ever stored, restored disks notwithstanding. */
  readonly ever: SiteEvent[] = [];
  readonly running: MemorySite;
  /** The enclave it is in session with. */
  session: EnclaveMachine | null = null;
  /** What happens at the next write; the agent is then started again. */
  fate: Fate | null = null;
  /** An older copy of its disk was put back: it may have forgotten what it promised. */
  restored = false;

  constructor(sealed: SealedContract, organisation: OrganisationId) {
    this.organisation = organisation;
    this.running = new MemorySite(sealed, organisation);
  }

  get state(): MemorySite['state'] {
    return this.running.state;
  }

  /** Starts again from what is stored. */
  boot(): void {
    const { contract } = this.running.environment.sealed;
    const initial = initialSiteState({ round: 0, digest: contract.model.initialDigest });
    this.running.state = this.journal.events.reduce(evolve, initial);
    this.session = null;
    this.fate = null;
  }

  restore(appends: number): void {
    if (appends < this.journal.length) this.restored = true;
    this.journal.restore(appends);
    this.boot();
  }

  /** Refusals of statements end the session, as in the agent. */
  handle(command: SiteCommand): Result<readonly SiteEvent[], Refusal> {
    const decision = decide(this.running.environment, this.state, command);
    if (!decision.ok) {
      this.session = null;
      return decision;
    }
    if (decision.value.length === 0) return decision;
    const { fate } = this;
    if (fate !== 'lost') {
      this.journal.append(decision.value);
      this.ever.push(...decision.value);
    }
    if (fate !== null) {
      this.boot();
      return ok([]);
    }
    this.running.state = decision.value.reduce(evolve, this.state);
    return decision;
  }

  /** Dials `machine`: attested boot key, `sync`, and the proof of a head that the enclave does not have (PROTOCOL §7). */
  connect(machine: EnclaveMachine): Greeting {
    this.session = null;
    if (machine.state.phase === 'halted' || machine.state.phase === 'unborn') return 'refused';
    this.handle({ type: 'trust-boot-key', bootKey: machine.running.environment.signer.publicKey });
    const head = headOfChain(this.state.chain);
    const { chain, publications } = machine.state.ledger;
    if (isOnChain(chain, head)) {
      for (const publication of publications) this.handle({ type: 'trust-publication', publication });
      this.session = machine;
      return 'served';
    }
    const { newest } = this.state;
    const vouched = newest === null ? undefined : this.state.publications.get(toHex(newest.statement.bootKey));
    if (head === null || newest === null || vouched === undefined) return 'refused';
    machine.handle({
      type: 'receive-head-proof',
      from: this.organisation,
      head,
      statement: newest.bytes,
      publication: encodePublication(vouched),
    });
    return phaseOf(machine) === 'halted' ? 'halted' : 'refused';
  }

  /** The next statement of its session arrives, live. */
  showNext(): void {
    const next = this.session?.statements[this.state.chain.length];
    if (next !== undefined) this.handle(this.#received(next.bytes));
  }

  /** Any statement that anybody kept. */
  show(statement: Uint8Array): Result<readonly SiteEvent[], Refusal> {
    return this.handle(this.#received(statement));
  }

  /** What it does by itself: takes the newest model, trains, or says what its activity owes. */
  act(): readonly EnclaveCommand[] {
    const { activity } = this.state;
    const { endorsement } = this.running;
    const from = this.organisation;
    switch (activity.phase) {
      case 'waiting':
        this.#takeModel();
        return [];
      case 'committed':
        return [
          { type: 'receive-commit', at: START, from, commit: activity.commit, endorsement: activity.endorsement },
        ];
      case 'training': {
        const payload = this.running.payload();
        const commit = updateCommitment(payload.subarray(0, 32), payload.subarray(32));
        const { digest: parent } = this.state.model;
        must(this.handle({ type: 'finish-training', parent, commit, payloadBytes: payload.length }));
        return [];
      }
      case 'uploading':
        return [
          { type: 'receive-header', from, header: activity.header },
          { type: 'receive-update', from, payload: this.running.payload() },
        ];
      case 'acknowledged': {
        const { acknowledgement } = activity;
        return [{ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement }];
      }
    }
  }

  #takeModel(): void {
    const { model, released } = this.state;
    const machine = this.session;
    if (machine === null || model.round === released.round) return;
    const { state } = machine;
    if (state.phase === 'unborn' || state.ledger.model.round !== released.round) return;
    this.handle({ type: 'receive-release', bundle: machine.running.bundle(), weights: machine.running.weights() });
  }

  #received(statement: Uint8Array): SiteCommand {
    const { endorsement } = this.running;
    return { type: 'receive-statement', at: START, statement, live: true, endorsement, unaffordable: null };
  }
}

/** Read anew: a call in between may have changed it. */
const phaseOf = ({ state }: EnclaveMachine): string => state.phase;
