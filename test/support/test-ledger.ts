import { epsilonOfPlan } from '../../lib/contract/privacy-plan.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import type { Digest, Instant } from '../../lib/core/ids.ts';
import type { EventStore } from '../../lib/store/event-store.ts';
import type { OverlayFile } from '../../site-agent/overlay-file.ts';
import { ledgerTerms, PrivacyLedger } from '../../site-agent/privacy-ledger.ts';
import { digestOf, START } from './test-contract.ts';

interface Hospital {
  readonly privacy?: OverlayFile['privacy'];
  readonly now?: () => Instant;
  /** Absent: one store, training on the same data for ever. */
  readonly binding?: () => Promise<Digest>;
}

/** The real ledger of a hospital that has approved what the contract's plan spends. */
export function openLedger(
  events: EventStore,
  sealed: SealedContract,
  { privacy, now = () => START, binding = async () => digestOf('binding') }: Hospital = {},
): Promise<PrivacyLedger> {
  const epsilonBudget = epsilonOfPlan(sealed.contract.privacy);
  const terms = ledgerTerms(sealed, { data: 'cohorts/heart.csv', privacy, epsilonBudget });
  return PrivacyLedger.open({ events, sealed, terms, now, binding });
}
