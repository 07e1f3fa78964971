import { bytesEqual, compareBytes, concatBytes } from '../../core/bytes.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../../core/cbor.ts';
import { Malformed } from '../formats/malformed.ts';
import type { Collateral, CollateralItem } from './collateral.ts';

/** Offline bundle: `{type, items}` in deterministic CBOR, the items in the order of their bytes. */
export const BUNDLE_TYPE = 'consilium/collateral/v1';
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
export const MAX_BUNDLE_ITEMS = 4096;
const MAX_CHAIN = 8;
const BINARY_KINDS = ['certificate', 'revocation-list', 'ocsp-response'] as const;
const ANSWER_KINDS = ['intel-tcb-info', 'intel-qe-identity'] as const;
/** How every bundle starts: a map of two whose shorter key is `type`. */
const START = concatBytes(Uint8Array.of(0xa2), encodeCbor('type'), encodeCbor(BUNDLE_TYPE));

export type CborMap = Readonly<Record<string, CborValue>>;

/** The same items give the same bytes, in whatever order and however often they are given. */
export function encodeBundle(collateral: Collateral): Uint8Array {
  const encoded = collateral.map((item) => ({ item: itemCbor(item), bytes: encodeCbor(itemCbor(item)) }));
  const items = encoded
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .filter(({ bytes }, index) => !bytesEqual(bytes, encoded[index - 1]?.bytes ?? new Uint8Array()))
    .map(({ item }) => item);
  return encodeCbor({ type: BUNDLE_TYPE, items });
}

export const isBundle = (bytes: Uint8Array): boolean => bytesEqual(bytes.subarray(0, START.length), START);

/** The items, unverified. Throws Malformed. */
export function readBundle(bytes: Uint8Array): Collateral {
  const document = cborMap(bytes, MAX_BUNDLE_BYTES);
  if (document['type'] !== BUNDLE_TYPE || Object.keys(document).length !== 2) throw new Malformed('another bundle');
  return listOf(document['items'], MAX_BUNDLE_ITEMS).map(itemFromCbor);
}

export const itemCbor = (item: CollateralItem): CborMap => ({ ...item });

/** Throws Malformed. */
export function itemFromCbor(value: CborValue): CollateralItem {
  const item = mapOf(value);
  const { der, text, chain } = item;
  const size = Object.keys(item).length;
  const binary = BINARY_KINDS.find((kind) => kind === item['kind']);
  if (binary !== undefined && der instanceof Uint8Array && size === 2) return { kind: binary, der };
  if (item['kind'] === 'rim' && typeof text === 'string' && size === 2) return { kind: 'rim', text };
  const answer = ANSWER_KINDS.find((kind) => kind === item['kind']);
  if (answer !== undefined && typeof text === 'string' && size === 3) {
    return { kind: answer, text, chain: listOf(chain, MAX_CHAIN).map(bytesOf) };
  }
  throw new Malformed('an item of no known kind');
}

/** One map in deterministic CBOR. Throws Malformed. */
export function cborMap(bytes: Uint8Array, maxBytes: number): CborMap {
  const decoded = decodeCbor(bytes, { maxBytes, maxDepth: 8 });
  if (!decoded.ok) throw new Malformed(`CBOR: ${decoded.error.reason}`, decoded.error.offset);
  return mapOf(decoded.value);
}

/** Throws Malformed. */
export function mapOf(value: CborValue | undefined): CborMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new Malformed('no map');
  }
  return value as CborMap;
}

/** Throws Malformed. */
export function listOf(value: CborValue | undefined, most: number): readonly CborValue[] {
  if (!Array.isArray(value)) throw new Malformed('no list');
  if (value.length > most) throw new Malformed(`a list of more than ${most} items`);
  return value as readonly CborValue[];
}

function bytesOf(value: CborValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Malformed('no byte string');
}
