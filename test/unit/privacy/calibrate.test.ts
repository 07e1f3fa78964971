import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusal } from '../../../lib/core/errors.ts';
import { err } from '../../../lib/core/result.ts';
import { calibrateNoiseMultiplier } from '../../../lib/privacy/calibrate.ts';
import { epsilonOf } from '../../../lib/privacy/epsilon.ts';
import { must } from '../../support/study-in-memory.ts';

const digitsOf = (value: number): string => value.toExponential().replace(/e.*|\./g, '');
/** The next smaller number of six significant digits. */
const below = (value: number): number => {
  const exponent = Number(/e(.*)$/.exec(value.toExponential())?.[1]);
  const shifted = Math.round(Number(`${value}e${5 - exponent}`));
  return shifted === 100_000 ? Number(`999999e${exponent - 6}`) : Number(`${shifted - 1}e${exponent - 5}`);
};

describe('calibrateNoiseMultiplier', () => {
  it('gives the smallest multiplier of six digits that meets the target, to within 1 % of it', () => {
    const target = fc.record({
      epsilon: fc.double({ min: 0.1, max: 30, noNaN: true }),
      delta: fc.constantFrom(1e-3, 1e-4, 1e-6),
      samplingRate: fc.constantFrom(0.001, 0.02, 0.3, 1),
      steps: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(target, ({ epsilon, delta, samplingRate, steps }) => {
        const multiplier = must(calibrateNoiseMultiplier({ epsilon, delta, samplingRate, steps }));
        const spent = (noiseMultiplier: number): number =>
          epsilonOf([{ samplingRate, noiseMultiplier, count: steps }], delta);
        expect(digitsOf(multiplier).length).toBeLessThanOrEqual(6);
        expect(spent(multiplier)).toBeLessThanOrEqual(epsilon);
        expect(spent(multiplier)).toBeGreaterThan(epsilon * 0.99);
        expect(spent(below(multiplier))).toBeGreaterThan(epsilon);
      }),
      { numRuns: 60 },
    );
  });

  it('finds powers of ten themselves and what lies just above them', () => {
    for (const noiseMultiplier of [10, 10.0001, 0.1, 0.100001, 1e5, 99_999.9]) {
      const event = { samplingRate: 1, noiseMultiplier, count: 3 };
      const target = { epsilon: epsilonOf([event], 1e-9), delta: 1e-9, samplingRate: 1, steps: 3 };
      expect(must(calibrateNoiseMultiplier(target))).toBe(noiseMultiplier);
    }
  });

  it('calibrates at the orders given', () => {
    const target = { epsilon: 8, delta: 1e-5, samplingRate: 0.04, steps: 2250 };
    const whole = must(calibrateNoiseMultiplier(target));
    const one = must(calibrateNoiseMultiplier({ ...target, orders: [3] }));
    expect(one).toBeGreaterThan(whole);
    expect(epsilonOf([{ samplingRate: 0.04, noiseMultiplier: one, count: 2250 }], 1e-5, [3])).toBeCloseTo(8, 3);
  });

  it('refuses an ε that no noise reaches, and one that asks for next to none', () => {
    const target = { delta: 1e-9, samplingRate: 0.5, steps: 50 };
    const tooSmall = calibrateNoiseMultiplier({ ...target, epsilon: 1e-3 });
    expect(tooSmall).toEqual(err(refusal('E-CONFIG', 'no noise multiplier up to 10^6 reaches this ε')));
    const tooLarge = calibrateNoiseMultiplier({ ...target, epsilon: 1e12 });
    expect(tooLarge).toEqual(err(refusal('E-CONFIG', 'this ε asks for a noise multiplier below 10^-4')));
  });

  it('reaches from 10^-4 to 10^6', () => {
    const epsilonAt = (noiseMultiplier: number, delta: number): number =>
      epsilonOf([{ samplingRate: 1, noiseMultiplier, count: 1 }], delta);
    const target = { samplingRate: 1, steps: 1 };
    const least = { ...target, delta: 1e-5, epsilon: epsilonAt(1.00001e-4, 1e-5) };
    expect(must(calibrateNoiseMultiplier(least))).toBe(1.00001e-4);
    expect(calibrateNoiseMultiplier({ ...least, epsilon: epsilonAt(1e-4, 1e-5) }).ok).toBe(false);
    // At order 1024 an ε of 0.01 leaves room only for the shortcut of a δ that exceeds the total variation.
    const most = { ...target, delta: 1.0001e-6, epsilon: 1e-4 };
    expect(must(calibrateNoiseMultiplier(most))).toBe(999_901);
    expect(calibrateNoiseMultiplier({ ...most, delta: 0.9999e-6 }).ok).toBe(false);
  });

  it('throws for what is no target', () => {
    const target = { epsilon: 2, delta: 1e-5, samplingRate: 0.5, steps: 10 };
    for (const epsilon of [0, -2, NaN, Infinity])
      expect(() => calibrateNoiseMultiplier({ ...target, epsilon })).toThrow(/ε/);
    for (const steps of [0, -2, 1.5, NaN]) expect(() => calibrateNoiseMultiplier({ ...target, steps })).toThrow(/step/);
  });
});
