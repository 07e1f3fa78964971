import { toHex } from '../lib/core/bytes.ts';
import type { SiteEvent } from './event.ts';
import type { LedgerRound } from './privacy-ledger.ts';

/** The rounds of one contract that its log remembers as debited; to be told every event, oldest first. */
export class RememberedDebits {
  readonly rounds: LedgerRound[] = [];
  readonly #roundOf = new Map<string, number>();

  note(event: SiteEvent): void {
    if (event.type === 'statement-seen' && event.statement.statement.type === 'manifest') {
      const { parent, round } = event.statement.statement;
      this.#roundOf.set(toHex(parent), round);
    }
    if (event.type !== 'debited' && event.type !== 'debit-recovered') return;
    const round = this.#roundOf.get(toHex(event.parent));
    if (round === undefined) throw new Error('a debit for a model that no manifest named');
    this.rounds.push({ parent: event.parent, round });
  }
}
