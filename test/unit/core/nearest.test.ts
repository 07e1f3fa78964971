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
