import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INTEGER_ORDERS, rdpOfSubsampledGaussian } from '../../../lib/privacy/rdp.ts';

const rdp = (samplingRate: number, noiseMultiplier: number, order: number): number =>
  rdpOfSubsampledGaussian({ samplingRate, noiseMultiplier }, order);
const relativeError = (value: number, truth: number): number => Math.abs(value / truth - 1);

const rate = fc.double({ min: 1e-6, max: 0.999_999, noNaN: true });
const noise = fc.double({ min: 0.2, max: 500, noNaN: true });
const wholeOrder = fc.integer({ min: 2, max: 200 });

describe('rdpOfSubsampledGaussian', () => {
  /** ln E[…]/(α − 1) integrated with 50 digits by mpmath 1.3. */
  it.each([
    [0.01, 2.5, 1.5, 1.3001417943760795e-5],
    [0.01, 2.5, 2.5, 2.1708361138362487e-5],
    [0.001, 0.5, 1.1, 2.3858455984202793e-5],
    [0.5, 6, 3.7, 0.013137622931639085],
    [0.000_010_24, 0.1, 1.25, 6.049707331745643],
    [0.1, 0.7, 1.01, 0.020324888339700517],
    [0.9, 3, 10.9, 0.5303858105406656],
    [0.000_01, 50, 1.5, 3.0006000740048e-14],
    [0.02, 1.7, 63.5, 7.011543816214575],
    [0.125, 4, 1.1, 0.0005504386759800759],
    [0.05, 0.3, 7.3, 37.08431022270728],
    [0.01, 2.5, 100, 3.348326150968365],
    [0.000_01, 50, 2, 4.000800106677255e-14],
    [0.064, 1.5, 512, 111.02352618451222],
    [0.02, 200, 1.25, 6.250075797450992e-9],
  ])('q %f, σ %f, order %f', (q, sigma, order, truth) => {
    expect(relativeError(rdp(q, sigma, order), truth)).toBeLessThan(1e-13);
  });

  it('is order/(2σ²) where every unit is in every step', () => {
    expect(rdp(1, 2, 7)).toBe(7 / 8);
    expect(rdp(1, 0.5, 1.5)).toBe(3);
  });

  it('is ln(1 + q² (exp(1/σ²) − 1)) at order 2', () => {
    fc.assert(
      fc.property(rate, noise, (q, sigma) => {
        expect(relativeError(rdp(q, sigma, 2), Math.log1p(q ** 2 * Math.expm1(sigma ** -2)))).toBeLessThan(1e-12);
      }),
    );
  });

  it('the sum at a whole order is the integral beside it', () => {
    fc.assert(
      fc.property(rate, noise, wholeOrder, (q, sigma, order) => {
        const beside = order * (1 + 4 * Number.EPSILON);
        expect(Number.isInteger(beside)).toBe(false);
        expect(relativeError(rdp(q, sigma, beside), rdp(q, sigma, order))).toBeLessThan(1e-11);
      }),
      { numRuns: 60 },
    );
  });

  it('grows with the order and the rate, falls with the noise, stays under the step without sampling', () => {
    const order = fc.double({ min: 1.02, max: 80, noNaN: true });
    fc.assert(
      fc.property(rate, noise, order, (q, sigma, alpha) => {
        const here = rdp(q, sigma, alpha);
        expect(here).toBeGreaterThan(0);
        expect(rdp(q, sigma, alpha * 1.1)).toBeGreaterThan(here);
        expect(rdp(q, sigma * 1.1, alpha)).toBeLessThan(here);
        expect(rdp(q * 0.9, sigma, alpha)).toBeLessThan(here);
        expect(here).toBeLessThan(rdp(1, sigma, alpha));
      }),
      { numRuns: 60 },
    );
  });

  it('without noise is infinite; with next to none finite or infinite, never NaN', () => {
    expect(rdp(1, 0, 2)).toBe(Infinity);
    expect(rdp(0.5, 0, 2)).toBe(Infinity);
    expect(rdp(0.5, 0, 2.5)).toBe(Infinity);
    expect(rdp(0.5, 1e-200, 3)).toBe(Infinity);
    expect(relativeError(rdp(0.25, 1e-3, 2), 1e6 + 2 * Math.log(0.25))).toBeLessThan(1e-12);
    expect(rdp(0.5, 1e200, 3)).toBe(0);
    expect(rdp(0.5, 1e200, 3.5)).toBe(0);
  });

  it('integrates down to a multiplier of 0.01', () => {
    // There the densities hardly overlap: A is nearly q^α exp((α² − α)/2σ²).
    const [q, sigma, order] = [0.25, 0.01, 1.5];
    const apart = (order * Math.log(q)) / (order - 1) + order / (2 * sigma ** 2);
    expect(relativeError(rdp(q, sigma, order), apart)).toBeLessThan(1e-12);
    expect(() => rdp(q, 0.0099, order)).toThrow(/0\.01 or more/);
  });

  it.each([
    [0, 2, 2, /sampling rate/],
    [1.01, 2, 2, /sampling rate/],
    [NaN, 2, 2, /sampling rate/],
    [0.5, -0.1, 2, /noise multiplier/],
    [0.5, NaN, 2, /noise multiplier/],
    [0.5, 2, 1, /order/],
    [0.5, 2, Infinity, /order/],
    [0.5, 2, NaN, /order/],
  ])('throws for q %f, σ %f, order %f', (q, sigma, order, message) => {
    expect(() => rdp(q, sigma, order)).toThrow(message);
  });
});

describe('INTEGER_ORDERS', () => {
  it('is every whole number from 2 to 64, then whole numbers up to 1024 that grow by a quarter at most', () => {
    expect(INTEGER_ORDERS.slice(0, 63)).toEqual(Array.from({ length: 63 }, (_, i) => i + 2));
    expect(INTEGER_ORDERS.at(-1)).toBe(1024);
    INTEGER_ORDERS.slice(63).forEach((order, i) => {
      const before = INTEGER_ORDERS[62 + i] ?? NaN;
      expect(Number.isInteger(order)).toBe(true);
      expect(order / before).toBeGreaterThan(1);
      expect(order / before).toBeLessThanOrEqual(1.25);
    });
  });
});
