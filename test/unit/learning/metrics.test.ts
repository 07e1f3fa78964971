import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracy, areaUnderRoc, brierScore, logLoss, type Scored } from '../../../lib/learning/metrics.ts';

const row = fc.record({ probability: fc.integer({ min: 0, max: 8 }).map((n) => n / 8), label: fc.constantFrom(0, 1) });
const scored: fc.Arbitrary<Scored> = fc.array(row, { maxLength: 40 }).map((rows) => ({
  probabilities: Float32Array.from(rows, ({ probability }) => probability),
  labels: Float32Array.from(rows, ({ label }) => label),
}));

/** The definition: share of (positive, negative) pairs in the right order, ties half. */
function pairwiseAuc({ probabilities, labels }: Scored): number | null {
  let pairs = 0;
  let right = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs++;
      right += (Math.sign((probabilities[i] ?? 0) - (probabilities[j] ?? 0)) + 1) / 2;
    }
  }
  return pairs === 0 ? null : right / pairs;
}

describe('areaUnderRoc', () => {
  it('is the share of pairs in the right order, ties counting half', () => {
    fc.assert(
      fc.property(scored, (rows) => {
        const auc = areaUnderRoc(rows);
        const expected = pairwiseAuc(rows);
        if (auc === null || expected === null) expect(auc).toBe(expected);
        else expect(auc).toBeCloseTo(expected, 12);
      }),
      { numRuns: 300 },
    );
  });

  it('is null where one label is missing, as at the Swiss hospital', () => {
    expect(areaUnderRoc({ probabilities: [0.2, 0.9], labels: [1, 1] })).toBeNull();
  });
});

describe('the other metrics', () => {
  const rows = { probabilities: [0.9, 0.5, 0.4, 0.1], labels: [1, 1, 1, 0] };

  it('are what their definitions say', () => {
    expect(accuracy(rows)).toBe(0.75);
    expect(accuracy(rows, 0.95)).toBe(0.25);
    expect(brierScore(rows)).toBeCloseTo((0.01 + 0.25 + 0.36 + 0.01) / 4, 12);
    expect(logLoss(rows)).toBeCloseTo(-Math.log(0.9 * 0.5 * 0.4 * 0.9) / 4, 12);
  });

  it('keep a confident mistake finite', () => {
    expect(logLoss({ probabilities: [1], labels: [0] })).toBeCloseTo(23 * Math.LN2, 6);
    expect(logLoss({ probabilities: [0], labels: [0] })).toBeLessThan(1e-6);
  });

  it('are null without rows', () => {
    const none = { probabilities: [], labels: [] };
    expect([accuracy(none), logLoss(none), brierScore(none), areaUnderRoc(none)]).toEqual([null, null, null, null]);
  });

  it('throw on what is not a prediction', () => {
    for (const metric of [accuracy, logLoss, brierScore, areaUnderRoc]) {
      expect(() => metric({ probabilities: [0.1], labels: [] })).toThrow(RangeError);
      expect(() => metric({ probabilities: [Number.NaN, 0.1], labels: [0, 1] })).toThrow(RangeError);
    }
  });
});
