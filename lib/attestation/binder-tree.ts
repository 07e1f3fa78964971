import { sha512 } from '@noble/hashes/sha2.js';
import { utf8 } from '../core/bytes.ts';
import { prefixFields } from '../core/hash.ts';

/** Leaves of one tree; a quote serves at most this many waiting peers. */
export const MAX_LEAVES = 1024;
export const NODE_BYTES = 64;

/** Where a leaf stands: its index, the number of leaves, and the hashes beside its way up, lowest first. */
export interface BinderPath {
  readonly index: number;
  readonly size: number;
  readonly siblings: readonly Uint8Array[];
}

const leafHash = (leaf: Uint8Array): Uint8Array => sha512(prefixFields(utf8('consilium/binder-leaf/v1'), leaf));
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha512(prefixFields(utf8('consilium/binder-node/v1'), left, right));

/** Largest power of two below `size`; `size` ≥ 2 (RFC 9162 §2.1.1). */
const splitPoint = (size: number): number => 2 ** Math.floor(Math.log2(size - 1));

/**
 * SHA-512 Merkle root (64 bytes) of 1 to 1024 leaves, in the shape of RFC 9162 §2.1.1 with domain-separated
 * leaves and nodes. Throws RangeError for another number of leaves.
 */
export function binderRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined || leaves.length > MAX_LEAVES) throw new RangeError('a binder tree has 1 to 1024 leaves');
  if (leaves.length === 1) return leafHash(only);
  const split = splitPoint(leaves.length);
  return nodeHash(binderRoot(leaves.slice(0, split)), binderRoot(leaves.slice(split)));
}

/** The path of leaf `index`; throws RangeError where there is no such leaf. */
export function binderPath(leaves: readonly Uint8Array[], index: number): BinderPath {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) throw new RangeError('no such leaf');
  return { index, size: leaves.length, siblings: siblingsOf(leaves, index) };
}

function siblingsOf(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length === 1) return [];
  const split = splitPoint(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...siblingsOf(left, index), binderRoot(right)]
    : [...siblingsOf(right, index - split), binderRoot(left)];
}

/** The root that `leaf` would have under `path`; null when the path cannot exist (wrong length, index or size). Total. */
export function rootOfPath(leaf: Uint8Array, { index, size, siblings }: BinderPath): Uint8Array | null {
  if (!Number.isInteger(size) || size < 1 || size > MAX_LEAVES) return null;
  if (!Number.isInteger(index) || index < 0 || index >= size) return null;
  const turns = turnsTo(index, size);
  if (siblings.length !== turns.length || siblings.some((sibling) => sibling.length !== NODE_BYTES)) return null;
  return siblings.reduce(
    (below, sibling, level) => (turns[level] === 'left' ? nodeHash(below, sibling) : nodeHash(sibling, below)),
    leafHash(leaf),
  );
}

/** On which side of each node the way to the leaf lies, lowest first. */
function turnsTo(index: number, size: number): ('left' | 'right')[] {
  if (size === 1) return [];
  const split = splitPoint(size);
  return index < split ? [...turnsTo(index, split), 'left'] : [...turnsTo(index - split, size - split), 'right'];
}
