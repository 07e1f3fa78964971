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

interface Node {
  readonly hash: Uint8Array;
  readonly size: number;
  readonly children: { readonly left: Node; readonly right: Node } | null;
}

/** SHA-512 Merkle tree in the shape of RFC 9162 §2.1.1, leaves and nodes under domain tags of their own. */
export class BinderTree {
  readonly #top: Node;

  /** 1 to 1024 leaves; throws RangeError for another number. */
  constructor(leaves: readonly Uint8Array[]) {
    if (leaves.length > MAX_LEAVES) throw new RangeError('a binder tree has 1 to 1024 leaves');
    this.#top = build(leaves);
  }

  /** 64 bytes. */
  get root(): Uint8Array {
    return this.#top.hash;
  }

  /** Throws RangeError where there is no such leaf. */
  path(index: number): BinderPath {
    const { size } = this.#top;
    if (!Number.isInteger(index) || index < 0 || index >= size) throw new RangeError('no such leaf');
    const siblings: Uint8Array[] = [];
    let [node, place] = [this.#top, index];
    while (node.children !== null) {
      const { left, right } = node.children;
      const goesLeft = place < left.size;
      siblings.unshift(goesLeft ? right.hash : left.hash);
      if (!goesLeft) place -= left.size;
      node = goesLeft ? left : right;
    }
    return { index, size, siblings };
  }
}

function build(leaves: readonly Uint8Array[]): Node {
  const [first] = leaves;
  if (first === undefined) throw new RangeError('a binder tree has 1 to 1024 leaves');
  if (leaves.length === 1) return { hash: leafHash(first), size: 1, children: null };
  const split = splitPoint(leaves.length);
  const [left, right] = [build(leaves.slice(0, split)), build(leaves.slice(split))];
  return { hash: nodeHash(left.hash, right.hash), size: leaves.length, children: { left, right } };
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
