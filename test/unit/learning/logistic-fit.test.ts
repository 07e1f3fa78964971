import { describe, expect, it } from 'vitest';
import { fitLogistic } from '../../../lib/learning/logistic-fit.ts';

describe('fitLogistic', () => {
  it('finds the closed form of a 2×2 table', () => {
    // Log-odds ln(3/1) unexposed and ln(4/2) exposed.
    const features = [...new Array<number>(4).fill(0), ...new Array<number>(6).fill(1)];
    const labels = [1, 1, 1, 0, 1, 1, 1, 1, 0, 0];
    const fit = fitLogistic({ features, labels, inputs: 1, ridge: 0 });
    if (!fit.ok) throw new Error(fit.error.code);
    expect(fit.value[0]).toBeCloseTo(Math.log(2) - Math.log(3), 9);
    expect(fit.value[1]).toBeCloseTo(Math.log(3), 9);
  });

  it('refuses rows of one label only, whose intercept has no end', () => {
    const oneLabel = { features: [0.5, -1, 2], labels: [1, 1, 1], inputs: 1 };
    expect(fitLogistic({ ...oneLabel, ridge: 0 })).toMatchObject({ error: { code: 'E-TRAINING-DIVERGED' } });
  });

  it('shrinks coefficients and not the intercept under a ridge', () => {
    const problem = { features: [-2, -1, 0, 1, 2, 3], labels: [0, 1, 0, 1, 0, 1], inputs: 1 };
    const strong = fitLogistic({ ...problem, ridge: 1e6 });
    if (!strong.ok) throw new Error(strong.error.code);
    expect(Math.abs(strong.value[0] ?? 1)).toBeLessThan(1e-5);
    expect(strong.value[1]).toBeCloseTo(0, 4);
  });
});
