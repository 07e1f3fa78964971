import { basename } from 'node:path';
import type { Approval } from '../lib/contract/approval.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { Digest, Instant } from '../lib/core/ids.ts';
import { SerialQueue } from '../lib/core/serial-queue.ts';
import {
  chargeOf,
  debit,
  EMPTY_LEDGER,
  encodeEntry,
  recoverDebit,
  replayLedger,
  type BudgetLimits,
  type Charge,
  type DebitRequest,
  type LedgerEntry,
  type LedgerState,
} from '../lib/privacy/ledger.ts';
import { mechanismOf } from '../lib/privacy/mechanism.ts';
import type { EventStore } from '../lib/store/event-store.ts';
import type { OverlayFile } from './overlay-file.ts';

/** One for all contracts and datasets of a hospital: they come and go, what patients were exposed to stays (PROTOCOL §7.9). */
const STREAM = 'privacy-ledger';
const MOST_TRIES = 10;

/** What this hospital holds a contract to. */
export interface LedgerTerms {
  readonly dataset: string;
  readonly limits: BudgetLimits;
  readonly charge: Charge | null;
}

/** `data`: path of the hospital's data file, whose name without its folder names the dataset unless the overlay does. */
export function ledgerTerms(
  { contract }: Pick<SealedContract, 'contract'>,
  { data, privacy, epsilonBudget }: { data: string } & Pick<OverlayFile, 'privacy'> & Pick<Approval, 'epsilonBudget'>,
): LedgerTerms {
  const mechanism = mechanismOf(contract);
  const approved =
    mechanism === null || epsilonBudget === null ? null : { epsilon: epsilonBudget, delta: mechanism.plan.delta };
  return {
    dataset: datasetOf({ data, privacy }),
    limits: { dataset: privacy?.budget ?? null, contract: approved },
    charge: chargeOf(mechanism),
  };
}

export const datasetOf = ({ data, privacy }: { data: string } & Pick<OverlayFile, 'privacy'>): string =>
  privacy?.dataset ?? basename(data).toWellFormed();

/** Throws RefusalError: E-STORE-FORMAT, E-STORE-DAMAGED for a broken chain, or what the store refuses. */
export async function readLedger(events: EventStore, known: LedgerState = EMPTY_LEDGER): Promise<LedgerState> {
  const replayed = replayLedger(await events.read(STREAM, known.entries.length), known);
  if (!replayed.ok) throw new RefusalError(replayed.error);
  return replayed.value;
}

/** The model that a round starts from, and its number. */
export interface LedgerRound {
  readonly parent: Digest;
  readonly round: number;
}

interface Parts {
  readonly events: EventStore;
  readonly sealed: SealedContract;
  readonly terms: LedgerTerms;
  readonly now: () => Instant;
  /** Of every update under this contract, from now until the program ends; not asked for without noise. */
  readonly binding: () => Promise<Digest>;
}

/**
 * What this hospital's patients were exposed to; one contract's view of it (PROTOCOL §7.5, §7.9). Several agents may share
 * the ledger: what another has appended is read before anything is decided.
 */
export class PrivacyLedger {
  readonly #parts: Parts;
  readonly #queue = new SerialQueue();
  #state: LedgerState;
  #binding: Digest | null = null;

  private constructor(parts: Parts, state: LedgerState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Throws RefusalError for a ledger that cannot be read, or whose chain is broken. */
  static async open(parts: Parts): Promise<PrivacyLedger> {
    return new PrivacyLedger(parts, await readLedger(parts.events));
  }

  /** Why this hospital cannot afford the round; null: it can, or has paid for it already. */
  async refusalOf(round: LedgerRound): Promise<Refusal | null> {
    const binding = await this.#bound();
    const decided = debit(await this.#refresh(), this.#request(round, binding), this.#parts.terms.limits);
    return decided.ok ? null : decided.error;
  }

  /** The entry is durable when this resolves. Throws RefusalError E-BUDGET-SPENT, E-BUDGET-UNBOUNDED, or of the store. */
  async debit(round: LedgerRound): Promise<void> {
    const binding = await this.#bound();
    await this.#append((state) => {
      const decided = debit(state, this.#request(round, binding), this.#parts.terms.limits);
      if (!decided.ok) throw new RefusalError(decided.error);
      return decided.value;
    });
  }

  /** For a round that this store has forgotten: appended unless it is held. Throws RefusalError where the store refuses. */
  recover(round: LedgerRound): Promise<void> {
    return this.#append((state) => recoverDebit(state, this.#request(round, null)));
  }

  #request({ parent, round }: LedgerRound, binding: Digest | null): DebitRequest {
    const { sealed, terms, now } = this.#parts;
    const { dataset, charge } = terms;
    const study = sealed.contract.study.id;
    return { dataset, contract: sealed.digest, study, parent, round, binding, at: now(), charge };
  }

  async #bound(): Promise<Digest | null> {
    const { terms, binding } = this.#parts;
    return terms.charge === null ? null : (this.#binding ??= await binding());
  }

  async #refresh(): Promise<LedgerState> {
    this.#state = await readLedger(this.#parts.events, this.#state);
    return this.#state;
  }

  #append(decide: (state: LedgerState) => LedgerEntry | null): Promise<void> {
    return this.#queue.run(async () => {
      for (let tries = 1; ; tries++) {
        const state = await this.#refresh();
        const entry = decide(state);
        if (entry === null) return;
        const appended = await this.#parts.events.append(STREAM, state.entries.length, [encodeEntry(entry)]);
        if (appended.ok) return;
        // Another agent came first; whether this round is still affordable, its entry tells.
        if (tries === MOST_TRIES) throw new RefusalError(appended.error);
      }
    });
  }
}
