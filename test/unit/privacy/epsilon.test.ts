import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epsilonFromRdp, epsilonOf, type Composed } from '../../../lib/privacy/epsilon.ts';
import { rdpOfSubsampledGaussian } from '../../../lib/privacy/rdp.ts';

const step: Composed = { samplingRate: 0.05, noiseMultiplier: 1.5, count: 200 };
const DELTA = 1e-5;
const events = fc.record({
  samplingRate: fc.double({ min: 1e-4, max: 1, noNaN: true }),
  noiseMultiplier: fc.double({ min: 0.3, max: 50, noNaN: true }),
  count: fc.integer({ min: 1, max: 3000 }),
});

describe('epsilonOf', () => {
  it('is 0 for nothing', () => {
    expect(epsilonOf([], DELTA)).toBe(0);
    expect(
      epsilonOf(
        [
          { ...step, count: 0 },
          { samplingRate: 0.5, noiseMultiplier: 0, count: 0 },
        ],
        DELTA,
      ),
    ).toBe(0);
  });

  it('is infinite where a step without noise is counted', () => {
    expect(epsilonOf([step, { ...step, noiseMultiplier: 0, count: 1 }], DELTA)).toBe(Infinity);
  });

  it('adds RDP at each order and takes the best order', () => {
    const other: Composed = { samplingRate: 1, noiseMultiplier: 9, count: 3 };
    const at = (order: number): number => {
      const rdp = 200 * rdpOfSubsampledGaussian(step, order) + (3 * order) / (2 * 81);
      return rdp + Math.log1p(-1 / order) - Math.log(DELTA * order) / (order - 1);
    };
    const orders = [2, 4, 7, 12, 30];
    for (const order of orders) expect(epsilonOf([step, other], DELTA, [order])).toBeCloseTo(at(order), 12);
    expect(epsilonOf([step, other], DELTA, orders)).toBeCloseTo(Math.min(...orders.map(at)), 12);
  });

  it('does not care how equal steps are grouped or ordered', () => {
    fc.assert(
      fc.property(events, events, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, cut) => {
        const first = Math.floor(a.count * cut);
        const whole = epsilonOf([a, b], DELTA);
        const parts = epsilonOf([b, { ...a, count: first }, { ...a, count: a.count - first }], DELTA);
        expect(parts).toBeCloseTo(whole, 8);
      }),
      { numRuns: 40 },
    );
  });

  it('is monotone in noise, rate, steps and δ', () => {
    fc.assert(
      fc.property(events, (event) => {
        const here = epsilonOf([event], DELTA);
        fc.pre(here > 0);
        const { samplingRate, noiseMultiplier, count } = event;
        expect(epsilonOf([{ ...event, noiseMultiplier: noiseMultiplier * 1.05 }], DELTA)).toBeLessThan(here);
        expect(epsilonOf([{ ...event, samplingRate: samplingRate * 0.95 }], DELTA)).toBeLessThan(here);
        expect(epsilonOf([{ ...event, count: count + 1 }], DELTA)).toBeGreaterThan(here);
        expect(epsilonOf([event], DELTA * 2)).toBeLessThan(here);
      }),
      { numRuns: 40 },
    );
  });

  it('n steps without sampling are one with noise √n times smaller', () => {
    const many = epsilonOf([{ samplingRate: 1, noiseMultiplier: 12, count: 9 }], DELTA);
    expect(many).toBeCloseTo(epsilonOf([{ samplingRate: 1, noiseMultiplier: 4, count: 1 }], DELTA), 12);
  });

  it.each([-1, 0.5, NaN, 2 ** 53])('throws for a count of %f', (count) => {
    expect(() => epsilonOf([{ ...step, count }], DELTA)).toThrow(/count/);
  });
});

describe('epsilonFromRdp', () => {
  it('converts as Canonne, Kamath and Steinke do', () => {
    expect(epsilonFromRdp(() => 3, DELTA, [4])).toBeCloseTo(3 + Math.log(3 / 4) - Math.log(4 * DELTA) / 3, 14);
  });

  it('never falls below 0', () => {
    // An RDP of 0.3 is too large for the shortcut at this δ, and the formula gives less than 0.
    expect(-Math.expm1(-0.3)).toBeGreaterThan(0.5 ** 2);
    expect(0.3 + Math.log1p(-1 / 2) - Math.log(0.5 * 2)).toBeLessThan(0);
    expect(epsilonFromRdp(() => 0.3, 0.5, [2])).toBe(0);
  });

  it('is 0 where the total variation stays below δ, and not just beyond', () => {
    const delta = 0.01;
    const edge = -Math.log1p(-(delta ** 2));
    expect(epsilonFromRdp(() => edge * 0.999, delta, [20])).toBe(0);
    expect(epsilonFromRdp(() => edge * 1.001, delta, [20])).toBeGreaterThan(0);
    expect(epsilonFromRdp((order) => (order === 3 ? edge * 0.999 : 1), delta, [40, 3, 2])).toBe(0);
  });

  it('leaves out orders up to 1.01', () => {
    expect(epsilonFromRdp(() => 0, DELTA, [1.01])).toBe(Infinity);
    expect(epsilonFromRdp(() => 0, DELTA, [])).toBe(Infinity);
    expect(epsilonFromRdp(() => 2, DELTA, [1.011])).toBeLessThan(Infinity);
  });

  it.each([0, 1, -0.1, NaN])('throws for δ %f', (delta) => {
    expect(() => epsilonFromRdp(() => 2, delta, [2])).toThrow(/δ/);
    expect(() => epsilonOf([step], delta)).toThrow(/δ/);
  });
});
