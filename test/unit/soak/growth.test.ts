import { describe, expect, it } from 'vitest';
import { seededStream } from '../../../lib/data/seeded-stream.ts';
import { growsTooMuch, growthOf, type Sample } from '../../soak/growth.ts';

const stream = seededStream(3, 'growth');

/** `perRound` a round above `height`, with noise of one standard deviation. */
const life = (
  name: string,
  [from, to]: readonly [number, number],
  height: number,
  perRound: number,
  noise = 1,
): Sample[] =>
  Array.from({ length: to - from }, (_, index) => ({
    round: from + index,
    life: name,
    value: height + perRound * (from + index) + noise * stream.normal(),
  }));

const limit = { rounds: 400, perRound: 0, tolerance: 5 };

describe('growth over rounds', () => {
  it('is the slope that was there, within its error', () => {
    const growth = growthOf(life('a', [0, 200], 1000, 0.25));
    expect(growth?.perRound).toBeCloseTo(0.25, 2);
    expect(Math.abs((growth?.perRound ?? 0) - 0.25)).toBeLessThan(4 * (growth?.standardError ?? 0));
    expect(growth?.noise).toBeGreaterThan(0.8);
    expect(growth?.noise).toBeLessThan(1.2);
  });

  it('is exact where nothing disturbs it', () => {
    const growth = growthOf(life('a', [0, 50], 10, 2, 0));
    expect(growth?.perRound).toBeCloseTo(2, 12);
    expect(growth?.standardError).toBeCloseTo(0, 9);
    expect(growth).toMatchObject({ samples: 50, lives: 1, first: 10, last: 108 });
  });

  it('is not what a program has more in one life than in another', () => {
    const samples = [...life('young', [0, 100], 500, 0), ...life('old', [100, 200], 900, 0)];
    const growth = growthOf(samples);
    expect(Math.abs(growth?.perRound ?? 1)).toBeLessThan(0.02);
    expect(growth?.lives).toBe(2);
    expect(growth !== null && growsTooMuch(growth, limit)).toBe(false);
  });

  it('is seen within lives that each begin anew', () => {
    const samples = [...life('young', [0, 100], 500, 0.5), ...life('old', [100, 200], 300, 0.5)];
    const growth = growthOf(samples);
    expect(growth !== null && growsTooMuch(growth, limit)).toBe(true);
  });

  it('is not told from too little', () => {
    expect(growthOf([])).toBeNull();
    expect(growthOf(life('a', [0, 2], 1, 1))).toBeNull();
    expect(growthOf([1, 2, 3].map((round) => ({ round, life: String(round), value: round })))).toBeNull();
    expect(growthOf([1, 1, 1].map((round) => ({ round, life: 'a', value: round })))).toBeNull();
  });
});

describe('too much', () => {
  const growth = { perRound: 1, standardError: 0.1, noise: 2, samples: 9, lives: 1, first: 0, last: 9 };

  it('is more than is meant, than the tolerance and than chance', () => {
    expect(growsTooMuch(growth, { rounds: 400, perRound: 0, tolerance: 399 })).toBe(true);
    expect(growsTooMuch(growth, { rounds: 400, perRound: 0, tolerance: 400 })).toBe(false);
    expect(growsTooMuch(growth, { rounds: 400, perRound: 0.85, tolerance: 0 })).toBe(false);
    expect(growsTooMuch({ ...growth, standardError: 0.6 }, { rounds: 400, perRound: 0, tolerance: 0 })).toBe(false);
    expect(growsTooMuch({ ...growth, perRound: -1 }, { rounds: 400, perRound: 0, tolerance: 0 })).toBe(false);
  });
});
