import { expect, test } from 'vitest';
import { bestTruePositiveRate } from '../../../lib/privacy/membership-attack.ts';

test.each([
  // e^0.5 · 0.01 + 0.001
  [{ epsilon: 0.5, delta: 0.001 }, 0.01, 0.01748721],
  // Beyond the crossing the other side binds: 1 − e^−5 · (1 − 1e-4 − 0.01)
  [{ epsilon: 5, delta: 1e-4 }, 0.01, 0.99333011],
  // No ε, no δ: no better than guessing.
  [{ epsilon: 0, delta: 0 }, 0.07, 0.07],
  [{ epsilon: 40, delta: 1e-6 }, 0.01, 1],
])('%j at a false positive rate of %d: %d', (guarantee, rate, best) => {
  expect(bestTruePositiveRate(guarantee, rate)).toBeCloseTo(best, 8);
});

test('never falls with ε or δ', () => {
  let before = 0;
  for (let epsilon = 0; epsilon < 12; epsilon += 0.25) {
    const rate = bestTruePositiveRate({ epsilon, delta: 1e-5 }, 0.01);
    expect(rate).toBeGreaterThanOrEqual(before);
    expect(bestTruePositiveRate({ epsilon, delta: 1e-3 }, 0.01)).toBeGreaterThanOrEqual(rate);
    before = rate;
  }
});
