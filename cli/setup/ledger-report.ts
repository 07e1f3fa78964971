import { openApproval } from '../../lib/contract/approval.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { loadConfig } from '../../lib/config/config-file.ts';
import { readNamedFile } from '../../lib/config/named-file.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { instant } from '../../lib/core/ids.ts';
import { epsilonSpent, type Budget, type LedgerEntry } from '../../lib/privacy/ledger.ts';
import { listContracts } from '../../site-agent/contract-list.ts';
import { overlayFile } from '../../site-agent/overlay-file.ts';
import { datasetOf, readLedger } from '../../site-agent/privacy-ledger.ts';
import { readContract } from './contract-file.ts';
import { inSiteStore, inStore } from './site-store.ts';

/** What a hospital's patients were exposed to, for people. */
export interface LedgerReport {
  readonly organisation: string;
  readonly accounts: readonly LedgerAccount[];
}

/** One dataset and unit. */
export interface LedgerAccount {
  readonly dataset: string;
  readonly unit: LedgerEntry['unit'];
  /** At which ε is told: the budget's, or, without one, the smallest of the contracts'. */
  readonly delta: number;
  readonly spent: number;
  /** null: the hospital has set none for this dataset; only its approvals bind. */
  readonly budget: number | null;
  readonly left: number | null;
  readonly contracts: readonly ContractShare[];
  /** ε after rounds that were debited, in their order; of a long ledger some only, the newest among them. */
  readonly burnDown: readonly BurnDown[];
}

export interface ContractShare extends Pick<LedgerEntry, 'study' | 'mechanism'> {
  readonly contract: string;
  /** Rounds that were debited, ascending. */
  readonly rounds: readonly number[];
  /** ε of this contract alone. */
  readonly epsilon: number;
  /** ε at the contract's own δ that the approval allows it; null: of another contract than the one configured. */
  readonly approved: number | null;
}

export interface BurnDown extends Pick<LedgerEntry, 'study' | 'round' | 'at'> {
  readonly spent: number;
  readonly left: number | null;
}

const MOST_LINES = 20;
/** Of a ledger whose contracts have gone from the store. */
const USUAL_DELTA = 1e-5;

/**
 * Reads the ledger of the agent that `configPath` configures. Throws RefusalError on a bad configuration or store, and
 * E-STORE-DAMAGED for a ledger whose chain is broken.
 */
export function ledgerReport(configPath: string): Promise<LedgerReport> {
  return inSiteStore(configPath, async ({ config, store }) => {
    const { entries } = await (config.ledger === undefined
      ? readLedger(store.events)
      : inStore(config.ledger, ({ events }) => readLedger(events)));
    const overlay = await loadConfig(config.overlay, () => overlayFile);
    if (!overlay.ok) throw new RefusalError(...overlay.error);
    const { privacy } = overlay.value;
    const approved = await approvedEpsilon(await readContract(config.contract), config.approval);
    const own = datasetOf({ data: config.data, privacy });
    const known = await listContracts(store);
    const datasets = new Set([
      ...entries.map(({ dataset }) => dataset),
      ...(privacy?.budget === undefined ? [] : [own]),
    ]);
    const accounts = [...datasets].map((dataset) =>
      accountOf({
        dataset,
        entries: entries.filter((entry) => entry.dataset === dataset),
        budget: dataset === own ? (privacy?.budget ?? null) : null,
        known,
        approved,
      }),
    );
    return { organisation: config.organisation, accounts };
  });
}

interface Approved {
  readonly contract: Uint8Array;
  readonly epsilon: number | null;
}

/** What was approved, even where the approval has ended since. */
async function approvedEpsilon(sealed: SealedContract, path: string): Promise<Approved> {
  const opened = openApproval(await readNamedFile(path), { sealed, at: instant(0) });
  if (!opened.ok) throw new RefusalError(opened.error);
  return { contract: sealed.digest, epsilon: opened.value.document.epsilonBudget };
}

interface AccountParts {
  readonly dataset: string;
  readonly entries: readonly LedgerEntry[];
  readonly budget: Budget | null;
  readonly known: readonly SealedContract[];
  readonly approved: Approved;
}

function accountOf({ dataset, entries, budget, known, approved }: AccountParts): LedgerAccount {
  const delta = budget?.delta ?? smallestDelta(entries, known);
  const spent = epsilonSpent(entries, delta);
  const left = (now: number): number | null => (budget === null ? null : Math.max(0, budget.epsilon - now));
  return {
    ...{ dataset, unit: 'record', delta, spent },
    budget: budget?.epsilon ?? null,
    left: left(spent),
    contracts: [...Map.groupBy(entries, ({ contract }) => toHex(contract)).entries()].map(([contract, own]) =>
      shareOf(contract, own, { delta, approved }),
    ),
    burnDown: sampled(entries.length).map((count) => {
      const [now, newest] = [epsilonSpent(entries.slice(0, count), delta), entries[count - 1]];
      if (newest === undefined) throw new Error('a line without an entry');
      return { study: newest.study, round: newest.round, at: newest.at, spent: now, left: left(now) };
    }),
  };
}

function shareOf(
  contract: string,
  entries: readonly LedgerEntry[],
  { delta, approved }: Pick<AccountParts, 'approved'> & { delta: number },
): ContractShare {
  const [first] = entries;
  if (first === undefined) throw new Error('a contract without entries');
  return {
    ...{ study: first.study, mechanism: first.mechanism, contract },
    rounds: entries.map(({ round }) => round).sort((a, b) => a - b),
    epsilon: epsilonSpent(entries, delta),
    approved: bytesEqual(first.contract, approved.contract) ? approved.epsilon : null,
  };
}

function smallestDelta(entries: readonly LedgerEntry[], known: readonly SealedContract[]): number {
  const deltas = known.flatMap(({ digest, contract: { privacy } }) =>
    privacy.placement !== 'none' && entries.some(({ contract }) => bytesEqual(contract, digest)) ? [privacy.delta] : [],
  );
  return deltas.length === 0 ? USUAL_DELTA : Math.min(...deltas);
}

/** Counts of entries, ascending, `length` itself the last. */
function sampled(length: number): number[] {
  const lines = Math.min(length, MOST_LINES);
  return Array.from({ length: lines }, (_, index) => Math.ceil(((index + 1) * length) / lines));
}
