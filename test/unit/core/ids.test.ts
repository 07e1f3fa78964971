import { describe, expect, it } from 'vitest';
import { instant, isOrganisationId, organisationId } from '../../../lib/core/ids.ts';

describe('organisation ids', () => {
  it.each(['a', '7', 'st-mary', 'a'.repeat(63), 'a--b', '0-0'])('%s is one', (text) => {
    expect(isOrganisationId(text)).toBe(true);
    expect(organisationId(text)).toBe(text);
  });

  it.each(['', '-a', 'a-', 'A', 'a_b', 'a b', 'a.b', 'a\n', '\u00e4', 'a'.repeat(64), '../a', 'a/b'])(
    '%j is none',
    (text) => {
      expect(isOrganisationId(text)).toBe(false);
      expect(() => organisationId(text)).toThrow(RangeError);
    },
  );
});

describe('instants', () => {
  it('are whole milliseconds from 1970', () => {
    expect(instant(0)).toBe(0);
    expect(instant(1_793_000_000_000)).toBe(1_793_000_000_000);
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => instant(wrong)).toThrow(RangeError);
  });
});
