import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BinderTree, MAX_LEAVES, rootOfPath } from '../../../lib/attestation/binder-tree.ts';
import { concatBytes, u64be } from '../../../lib/core/bytes.ts';

const leaf = fc.uint8Array({ minLength: 64, maxLength: 64 });
const leaves = fc.array(leaf, { minLength: 1, maxLength: 40 });
const chosen = leaves.chain((all) => fc.tuple(fc.constant(all), fc.nat(all.length - 1)));

/** The definition of RFC 9162 §2.1.1 over Node's own SHA-512, written down a second time. */
function reference(all: readonly Uint8Array[]): Uint8Array {
  const tagged = (tag: string, ...fields: readonly Uint8Array[]): Uint8Array => {
    const every = [new TextEncoder().encode(`consilium/${tag}/v1`), ...fields];
    const framed = concatBytes(...every.flatMap((field) => [u64be(field.length), field]));
    return new Uint8Array(createHash('sha512').update(framed).digest());
  };
  const [first] = all;
  if (all.length === 1 && first !== undefined) return tagged('binder-leaf', first);
  let k = 1;
  while (2 * k < all.length) k *= 2;
  return tagged('binder-node', reference(all.slice(0, k)), reference(all.slice(k)));
}

describe('binder tree (PROTOCOL §4.3, RFC 9162 §2.1)', () => {
  test('has the root of the definition', () => {
    fc.assert(
      fc.property(leaves, (all) => {
        expect(new BinderTree(all).root).toEqual(reference(all));
      }),
    );
  });

  test('every leaf has a path to the root, and no other leaf has it', () => {
    fc.assert(
      fc.property(chosen, leaf, ([all, index], stranger) => {
        const tree = new BinderTree(all);
        const path = tree.path(index);
        const own = all[index] ?? new Uint8Array();
        expect(rootOfPath(own, path)).toEqual(tree.root);
        expect(path.siblings.length).toBeLessThanOrEqual(Math.ceil(Math.log2(all.length)));
        if (Buffer.compare(own, stranger) !== 0) expect(rootOfPath(stranger, path)).not.toEqual(tree.root);
      }),
    );
  });

  test('an altered path gives another root or none', () => {
    fc.assert(
      fc.property(chosen, fc.nat(), fc.integer({ min: 1, max: 255 }), ([all, index], where, flip) => {
        const tree = new BinderTree(all);
        const path = tree.path(index);
        const siblings = path.siblings.map((sibling) => sibling.slice());
        const target = siblings[where % Math.max(1, siblings.length)];
        if (target === undefined) return;
        target[where % 64] = (target[where % 64] ?? 0) ^ flip;
        const own = all[index] ?? new Uint8Array();
        expect(rootOfPath(own, { ...path, siblings })).not.toEqual(tree.root);
        expect(rootOfPath(own, { ...path, siblings: siblings.slice(1) })).not.toEqual(tree.root);
      }),
    );
  });

  test('order and number of the leaves matter', () => {
    const [a, b] = [new Uint8Array(64).fill(1), new Uint8Array(64).fill(2)];
    const roots = [[a], [b], [a, b], [b, a], [a, a], [a, b, b], [a, b, a]].map((all) =>
      new BinderTree(all).root.join(),
    );
    expect(new Set(roots).size).toBe(roots.length);
  });

  test('an inner node does not pass as a leaf', () => {
    const all = [1, 2, 3, 4].map((fill) => new Uint8Array(64).fill(fill));
    const whole = new BinderTree(all);
    const left = new BinderTree(all.slice(0, 2)).root;
    const right = new BinderTree(all.slice(2)).root;
    expect(rootOfPath(left, { index: 0, size: 2, siblings: [right] })).not.toEqual(whole.root);
  });

  test('takes 1 to 1024 leaves', () => {
    const many = Array.from({ length: MAX_LEAVES }, () => new Uint8Array(64));
    expect(new BinderTree(many).path(MAX_LEAVES - 1).siblings).toHaveLength(10);
    expect(() => new BinderTree([])).toThrow(RangeError);
    expect(() => new BinderTree([...many, new Uint8Array(64)])).toThrow(RangeError);
    expect(() => new BinderTree(many).path(MAX_LEAVES)).toThrow(RangeError);
    expect(() => new BinderTree(many).path(-1)).toThrow(RangeError);
  });

  test('paths that cannot exist are null, never a throw', () => {
    const path = fc.record({
      index: fc.oneof(fc.integer(), fc.double()),
      size: fc.oneof(fc.integer(), fc.double(), fc.constant(2 ** 53)),
      siblings: fc.array(fc.uint8Array({ maxLength: 65 }), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(leaf, path, (own, hostile) => {
        const root = rootOfPath(own, hostile);
        expect(root === null || root.length === 64).toBe(true);
      }),
    );
    const sibling = new Uint8Array(64);
    const own = new Uint8Array(64);
    expect(rootOfPath(own, { index: 0, size: 1, siblings: [sibling] })).toBeNull();
    expect(rootOfPath(own, { index: 2, size: 2, siblings: [sibling] })).toBeNull();
    expect(rootOfPath(own, { index: 0, size: 0, siblings: [] })).toBeNull();
    expect(rootOfPath(own, { index: 0, size: MAX_LEAVES + 1, siblings: [] })).toBeNull();
    expect(rootOfPath(own, { index: 0, size: 2, siblings: [new Uint8Array(63)] })).toBeNull();
  });
});
