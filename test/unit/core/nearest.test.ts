import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../../lib/core/nearest.ts';

const KNOWN = ['kMin', 'rounds', 'requireSites', 'toleratedColluders', 'releaseTo', 'seed', 'sites'];

describe('nearest', () => {
  it.each([
    ['k_min', 'kMin'],
    ['k-min', 'kMin'],
    ['KMIN', 'kMin'],
    ['round', 'rounds'],
    ['ruonds', 'rounds'],
    ['require-site', 'requireSites'],
    ['tolerated_coluders', 'toleratedColluders'],
    ['site', 'sites'],
  ])('%s means %s', (word, meant) => {
    expect(nearest(word, KNOWN)).toBe(meant);
  });

  it.each(['banana', 'x', '', 'placement'])('%j means nothing known', (word) => {
    expect(nearest(word, KNOWN)).toBeNull();
  });

  it('gives the first of equally near entries, and null for no entries', () => {
    expect(nearest('bat', ['cat', 'hat'])).toBe('cat');
    expect(nearest('bat', [])).toBeNull();
  });

  it('counts one swap of neighbours as one fault', () => {
    expect(nearest('hte', ['the'])).toBe('the');
    expect(nearest('eht', ['the'])).toBeNull();
  });

  it('allows a third of the longer word to be wrong, and one letter of a short one', () => {
    expect(nearest('ab', ['ax'])).toBe('ax');
    expect(nearest('ab', ['xy'])).toBeNull();
    expect(nearest('abcdefghi', ['abcdefxyz'])).toBe('abcdefxyz');
    expect(nearest('abcdefghi', ['abcdewxyz'])).toBeNull();
    // Eight letters and nine: three may be wrong, the missing one among them.
    expect(nearest('abcdefxy', ['abcdefghi'])).toBe('abcdefghi');
    expect(nearest('abcdefghi', ['abcdefxy'])).toBe('abcdefxy');
  });

  it('gives the nearest entry, wherever it stands', () => {
    expect(nearest('abcdef', ['abcxyf', 'abcdex', 'abxdey'])).toBe('abcdex');
    expect(nearest('abcdef', ['abcdex', 'abcxyf'])).toBe('abcdex');
  });

  it('judges a word by its first 64 letters', () => {
    expect(nearest(`${'a'.repeat(64)}${'z'.repeat(64)}`, ['a'.repeat(64)])).toBe('a'.repeat(64));
    expect(nearest(`${'a'.repeat(42)}${'z'.repeat(22)}`, ['a'.repeat(64)])).toBeNull();
  });

  it('counts insertions, deletions, substitutions and swaps of neighbours as its definition does', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const allowed = Math.max(1, Math.floor(Math.max(a.length, b.length) / 3));
        expect(nearest(a, [b])).toBe(alignment(a, b) <= allowed ? b : null);
      }),
      { numRuns: 600 },
    );
  });

  it('finds every entry again after one fault in four letters or more', () => {
    const word = fc.stringMatching(/^[a-z]{4,20}$/);
    fc.assert(
      fc.property(word, fc.nat(), (known, at) => {
        const cut = at % known.length;
        expect(nearest(known.slice(0, cut) + known.slice(cut + 1), [known])).toBe(known);
        expect(nearest(`${known.slice(0, cut)}9${known.slice(cut + 1)}`, [known])).toBe(known);
      }),
    );
  });

  it('answers about very long words at once', () => {
    expect(nearest('x'.repeat(10_000_000), KNOWN)).toBeNull();
  });
});

/** Optimal string alignment by its recursive definition: what `a` and `b` cost without their last letters. */
function alignment(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const costs = [
    alignment(a.slice(0, -1), b) + 1,
    alignment(a, b.slice(0, -1)) + 1,
    alignment(a.slice(0, -1), b.slice(0, -1)) + (a.at(-1) === b.at(-1) ? 0 : 1),
  ];
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
  if (swapped) costs.push(alignment(a.slice(0, -2), b.slice(0, -2)) + 1);
  return Math.min(...costs);
}
