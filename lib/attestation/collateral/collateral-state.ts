import { bytesEqual } from '../../core/bytes.ts';
import { encodeCbor, type CborValue } from '../../core/cbor.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Malformed, total } from '../formats/malformed.ts';
import type { VendorRoots } from '../trust/vendor-roots.ts';
import { cborMap, itemCbor, itemFromCbor, listOf, mapOf, MAX_BUNDLE_BYTES, MAX_BUNDLE_ITEMS } from './bundle.ts';
import type { Collateral, CollateralItem } from './collateral.ts';
import { certificatesIn, describeItem, WHAT, type ItemFacts } from './describe-item.ts';
import { admit, isOlder, NO_MARKS, type Mark, type Marks } from './marks.ts';

/** One item with what was verified when it was accepted. */
export interface HeldItem {
  readonly item: CollateralItem;
  readonly facts: ItemFacts;
}

/** Everything that a party keeps: items and marks change together or not at all. */
export interface CollateralState {
  readonly marks: Marks;
  readonly held: readonly HeldItem[];
}

export const EMPTY_STATE: CollateralState = { marks: NO_MARKS, held: [] };

export interface Accepted {
  readonly state: CollateralState;
  /** What is new in `state`. */
  readonly stored: readonly ItemFacts[];
  /** E-COLLATERAL-OLDER, one per item that was passed over. */
  readonly older: readonly Refusal[];
}

/**
 * Takes in what was given: each item is verified, with the certificates held and given, and an item of the same
 * statement is replaced. One that does not verify refuses all (E-ATTEST-COLLATERAL-INVALID, one per bad item); an
 * older one is passed over.
 */
export function acceptItems(
  state: CollateralState,
  given: Collateral,
  roots: VendorRoots,
): Result<Accepted, readonly Refusal[]> {
  const certificates = certificatesIn([...state.held.map(({ item }) => item), ...given]);
  const described = [...given, ...chainsOf(given)].map((item) => ({
    item,
    facts: describeItem(item, { certificates, roots }),
  }));
  const faults = described.flatMap(({ facts }) => (facts.ok ? [] : [facts.error]));
  if (faults.length > 0) return err(faults);
  const fresh = new Map<string, HeldItem>();
  for (const { item, facts } of described) {
    if (!facts.ok) continue;
    const other = fresh.get(facts.value.subject);
    if (other === undefined || isOlder(other.facts, facts.value))
      fresh.set(facts.value.subject, { item, facts: facts.value });
  }
  return accept(state, [...fresh.values()]);
}

/** Held on their own, so that an answer that came without its chain may replace one that came with it. */
const chainsOf = (items: Collateral): CollateralItem[] =>
  items.flatMap((item) =>
    'chain' in item ? item.chain.map((der): CollateralItem => ({ kind: 'certificate', der })) : [],
  );

function accept(state: CollateralState, fresh: readonly HeldItem[]): Result<Accepted, readonly Refusal[]> {
  const held = new Map(state.held.map((one) => [one.facts.subject, one]));
  const stored: ItemFacts[] = [];
  const older: Refusal[] = [];
  let { marks } = state;
  for (const one of fresh) {
    const admitted = admit(one.facts, marks);
    if (!admitted.ok) older.push(admitted.error);
    else if (!sameItem(held.get(one.facts.subject)?.item, one.item)) {
      marks = admitted.value;
      held.set(one.facts.subject, one);
      stored.push(one.facts);
    }
  }
  const next = { marks, held: [...held.values()] };
  if (next.held.length > MAX_BUNDLE_ITEMS || encodeState(next).length > MAX_BUNDLE_BYTES) {
    const detail = `the folder would hold more than ${MAX_BUNDLE_ITEMS} items or 32 MiB`;
    return err([refusal('E-ATTEST-COLLATERAL-INVALID', detail)]);
  }
  return ok({ state: next, stored, older });
}

const sameItem = (one: CollateralItem | undefined, other: CollateralItem): boolean =>
  one !== undefined && bytesEqual(encodeCbor(itemCbor(one)), encodeCbor(itemCbor(other)));

const STATE_TYPE = 'consilium/collateral-state/v1';
const MAX_MARKS = 2 * MAX_BUNDLE_ITEMS;

export function encodeState({ marks, held }: CollateralState): Uint8Array {
  return encodeCbor({
    type: STATE_TYPE,
    newestSignedMs: marks.newestSignedMs,
    marks: Object.fromEntries([...marks.bySubject].map(([subject, mark]) => [subject, markCbor(mark)])),
    held: held.map(({ item, facts }) => ({ item: itemCbor(item), facts: { ...facts, ...markCbor(facts) } })),
  });
}

const markCbor = ({ issuedAt, number }: Mark): { issuedAt: number; number: string | null } => ({
  issuedAt,
  number: number?.toString(16) ?? null,
});

/** E-ATTEST-MALFORMED for anything that `encodeState` did not write. */
export const readState = (bytes: Uint8Array): Result<CollateralState, Refusal> =>
  total('collateral folder', () => {
    const document = cborMap(bytes, MAX_BUNDLE_BYTES + MAX_BUNDLE_BYTES);
    if (document['type'] !== STATE_TYPE) throw new Malformed('of another type');
    const marks = Object.entries(mapOf(document['marks']));
    if (marks.length > MAX_MARKS) throw new Malformed('too many marks');
    return {
      marks: {
        newestSignedMs: timeOf(document['newestSignedMs']),
        bySubject: new Map(marks.map(([subject, mark]) => [subject, markOf(mark)])),
      },
      held: listOf(document['held'], MAX_BUNDLE_ITEMS).map((value) => {
        const { item, facts } = mapOf(value);
        return { item: itemFromCbor(item ?? null), facts: factsOf(facts) };
      }),
    };
  });

function factsOf(value: CborValue | undefined): ItemFacts {
  const { kind, subject, about, issuer, validUntil, ...mark } = mapOf(value);
  return {
    kind: kindOf(kind),
    subject: textOf(subject),
    about: textOf(about),
    issuer: textOf(issuer),
    validUntil: timeOf(validUntil),
    ...markOf(mark),
  };
}

function markOf(value: CborValue): Mark {
  const { issuedAt, number } = mapOf(value);
  if (number === null) return { issuedAt: timeOf(issuedAt), number };
  const digits = textOf(number);
  if (!/^[0-9a-f]{1,40}$/.test(digits)) throw new Malformed('a number is not hexadecimal');
  return { issuedAt: timeOf(issuedAt), number: BigInt(`0x${digits}`) };
}

function kindOf(value: CborValue | undefined): ItemFacts['kind'] {
  if (typeof value !== 'string' || !Object.hasOwn(WHAT, value)) throw new Malformed('an unknown kind');
  return value as ItemFacts['kind'];
}

function textOf(value: CborValue | undefined): string {
  if (typeof value !== 'string') throw new Malformed('no text');
  return value;
}

/** Certificates may be older than 1970 and valid until the year 9999. */
function timeOf(value: CborValue | undefined): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Malformed('no time');
  return value;
}
