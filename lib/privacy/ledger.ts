import { z } from 'zod';
import {
  decodeDocument,
  digest,
  encodeDocument,
  instant,
  organisationId,
  positiveInteger,
} from '../contract/shapes.ts';
import { bytesEqual } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import { DIGEST_BYTES, type Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { epsilonOf } from './epsilon.ts';
import { ACCOUNTING_TOLERANCE, exposure, type Mechanism } from './mechanism.ts';

const FORMAT = 'consilium/privacy-entry/v1';
const LIMITS = { maxBytes: 8 << 10, maxDepth: 3 };

/** How a hospital names its data: contracts that use the same name share one budget. */
export const datasetName = z
  .string()
  .min(1)
  .max(400)
  .refine((name) => name.isWellFormed(), 'must be well-formed Unicode');

const entry = z.strictObject({
  format: z.literal(FORMAT),
  /** Of the entry before, whatever its dataset; 32 zero bytes: the first. */
  previous: digest,
  dataset: datasetName,
  unit: z.literal('record'),
  contract: digest,
  study: organisationId,
  parent: digest,
  round: positiveInteger,
  /** What the update's bytes follow from besides contract and parent; null: nobody knows, statements told of the round. */
  binding: digest.nullable(),
  /** What one unit was exposed to: `count` noised sums. Never an ε: how that is computed may get better. */
  mechanism: z.strictObject({
    placement: z.enum(['site', 'enclave']),
    samplingRate: z.number().positive().max(1),
    noiseMultiplier: z.number().positive().max(1e6),
    count: positiveInteger,
  }),
  at: instant,
});
/** One round of one contract on one dataset, paid for whether or not anything came of it (PROTOCOL §7.5). */
export type LedgerEntry = z.output<typeof entry>;

/** Everything that was debited, oldest first; append-only. */
export interface LedgerState {
  /** Digest of the newest entry; 32 zero bytes before the first. */
  readonly head: Digest;
  readonly entries: readonly LedgerEntry[];
}

export const EMPTY_LEDGER: LedgerState = { head: new Uint8Array(DIGEST_BYTES) as Digest, entries: [] };

export const encodeEntry = (decided: LedgerEntry): Uint8Array => encodeDocument(decided);

/**
 * The ledger after what is stored behind `state`. Total: E-STORE-FORMAT for what is no entry, E-STORE-DAMAGED where one
 * does not follow the one before.
 */
export function replayLedger(
  stored: readonly Uint8Array[],
  state: LedgerState = EMPTY_LEDGER,
): Result<LedgerState, Refusal> {
  if (stored.length === 0) return ok(state);
  const entries = [...state.entries];
  let { head } = state;
  for (const bytes of stored) {
    const decoded = decodeDocument<LedgerEntry>(entry, bytes, { code: 'E-STORE-FORMAT', limits: LIMITS });
    if (!decoded.ok) return err({ ...decoded.error, detail: `privacy ledger, ${decoded.error.detail}` });
    if (!bytesEqual(decoded.value.previous, head))
      return err(
        refusal('E-STORE-DAMAGED', `privacy ledger: entry ${entries.length + 1} does not follow the one before it`),
      );
    entries.push(decoded.value);
    head = digestOf(bytes);
  }
  return ok({ head, entries });
}

const digestOf = (bytes: Uint8Array): Digest => hash('privacy-entry', bytes);

/** What one round under a contract costs a unit. */
export type Charge = Pick<LedgerEntry, 'unit' | 'mechanism'>;

/** null: no noise, so that nothing bounds the cost. */
export function chargeOf(mechanism: Mechanism | null): Charge | null {
  if (mechanism === null) return null;
  const { unit, placement, samplingRate, noiseMultiplier } = mechanism.plan;
  const count = exposure(mechanism, 1).reduce((sum, part) => sum + part.count, 0);
  return { unit, mechanism: { placement, samplingRate, noiseMultiplier, count } };
}

/** ε of a unit at `delta` after all of `entries`, whatever their contracts. */
export function epsilonSpent(entries: readonly Pick<LedgerEntry, 'mechanism'>[], delta: number): number {
  // One event for each mechanism, so that rounds of one contract come to what its plan says, to the bit.
  const counts = new Map<string, LedgerEntry['mechanism']>();
  for (const { mechanism } of entries) {
    const key = `${mechanism.samplingRate} ${mechanism.noiseMultiplier}`;
    counts.set(key, { ...mechanism, count: mechanism.count + (counts.get(key)?.count ?? 0) });
  }
  return epsilonOf([...counts.values()], delta);
}

export interface Budget {
  readonly epsilon: number;
  readonly delta: number;
}

/** Both bind; null: the hospital has set none of the kind. */
export interface BudgetLimits {
  /** Over all contracts, for one unit of this dataset. */
  readonly dataset: Budget | null;
  /** The hospital's approval of this contract. */
  readonly contract: Budget | null;
}

export type DebitRequest = Pick<
  LedgerEntry,
  'dataset' | 'contract' | 'study' | 'parent' | 'round' | 'binding' | 'at'
> & {
  /** null: a contract without noise. */
  readonly charge: Charge | null;
};

/**
 * The entry to append before a round is trained; null: none, because these very bytes are paid for, which
 * only equal bindings prove, or the round has no noise and the dataset no budget. E-BUDGET-SPENT when the round would exceed either limit: it stops *before*
 * that. E-BUDGET-UNBOUNDED for a contract without noise on a dataset with a budget.
 */
export function debit(
  state: LedgerState,
  request: DebitRequest,
  limits: BudgetLimits,
): Result<LedgerEntry | null, Refusal> {
  const { charge } = request;
  if (charge === null) return limits.dataset === null ? ok(null) : err(refusal('E-BUDGET-UNBOUNDED'));
  const account = accountOf({ dataset: request.dataset, unit: charge.unit });
  const ofDataset = state.entries.filter((earlier) => accountOf(earlier) === account);
  const isPaid = ofDataset.some(
    (earlier) => isSameRound(earlier, request) && isSameBinding(earlier.binding, request.binding),
  );
  if (isPaid) return ok(null);
  const ofContract = state.entries.filter(({ contract }) => bytesEqual(contract, request.contract));
  const refused =
    overspent('this contract, as approved', limits.contract, { entries: ofContract, charge, request }) ??
    overspent('all contracts on this dataset', limits.dataset, { entries: ofDataset, charge, request });
  return refused === null ? ok(entryFor(state, request, charge)) : err(refused);
}

/**
 * The entry for a round that statements tell of and this ledger has forgotten (PROTOCOL §7.13), whatever the budget; null:
 * it is held, under whichever name of the dataset and binding, or has no noise.
 */
export function recoverDebit(state: LedgerState, request: DebitRequest): LedgerEntry | null {
  const { charge } = request;
  const isHeld = state.entries.some((earlier) => isSameRound(earlier, request));
  return charge === null || isHeld ? null : entryFor(state, request, charge);
}

/** What one budget is for. */
const accountOf = ({ dataset, unit }: Pick<LedgerEntry, 'dataset' | 'unit'>): string => `${unit} ${dataset}`;

const isSameRound = (
  earlier: Pick<LedgerEntry, 'contract' | 'parent'>,
  { contract, parent }: Pick<LedgerEntry, 'contract' | 'parent'>,
): boolean => bytesEqual(earlier.contract, contract) && bytesEqual(earlier.parent, parent);

/** A store with another training secret, or other data, trains other bytes with other noise. */
const isSameBinding = (earlier: Digest | null, now: Digest | null): boolean =>
  earlier !== null && now !== null && bytesEqual(earlier, now);

function entryFor({ head }: LedgerState, { charge: _, ...request }: DebitRequest, charge: Charge): LedgerEntry {
  return { format: FORMAT, previous: head, ...request, ...charge };
}

interface Spending {
  readonly entries: readonly LedgerEntry[];
  readonly charge: Charge;
  readonly request: Pick<DebitRequest, 'round'>;
}

/** Numbers only: what stands in a refusal is read by anybody. */
function overspent(what: string, budget: Budget | null, { entries, charge, request }: Spending): Refusal | null {
  if (budget === null) return null;
  const { epsilon, delta } = budget;
  const after = epsilonSpent([...entries, charge], delta);
  if (after <= epsilon * (1 + ACCOUNTING_TOLERANCE)) return null;
  const before = epsilonSpent(entries, delta);
  const [spent, left, cost] = [before, Math.max(0, epsilon - before), after - before].map((value) => value.toFixed(4));
  const detail = `${what}: ${spent} of ε ${epsilon} at δ ${delta} is spent, ${left} is left, round ${request.round} costs ${cost}`;
  return refusal('E-BUDGET-SPENT', detail);
}
