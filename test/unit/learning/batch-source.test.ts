import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explicitBatches, shuffledBatches } from '../../../lib/learning/batch-source.ts';

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const plan = fc.record({ rows: fc.integer({ min: 1, max: 60 }), batchSize: fc.integer({ min: 1, max: 59 }), seed });

describe('shuffledBatches', () => {
  it('uses every row once in each pass', () => {
    fc.assert(
      fc.property(plan, fc.nat(3), ({ rows, batchSize, seed }, pass) => {
        fc.pre(batchSize < rows);
        const batches = shuffledBatches({ rows, batchSize, seed });
        const perPass = Math.ceil(rows / batchSize);
        const seen = Array.from({ length: perPass }, (_, i) => [...(batches(pass * perPass + i) ?? [])]).flat();
        expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
      }),
    );
  });

  it('is a pure function of seed and step, asked in any order', () => {
    fc.assert(
      fc.property(plan, fc.array(fc.nat(40), { minLength: 1 }), (shuffle, steps) => {
        const once = shuffledBatches(shuffle);
        const inOrder = steps.map((step) => once(step));
        const again = shuffledBatches(shuffle);
        const backwards = [...steps].reverse().map((step) => again(step));
        expect(backwards.reverse()).toEqual(inOrder);
      }),
    );
  });

  it('reorders between passes and between seeds', () => {
    const first = shuffledBatches({ rows: 50, batchSize: 25, seed: new Uint8Array(32) });
    const other = shuffledBatches({ rows: 50, batchSize: 25, seed: new Uint8Array(32).fill(1) });
    expect(first(0)).not.toEqual(first(2));
    expect(first(0)).not.toEqual(other(0));
  });

  it('means every row where the batch is as large as the data', () => {
    const seed = new Uint8Array(32);
    expect(shuffledBatches({ rows: 30, batchSize: null, seed })(3)).toBeNull();
    expect(shuffledBatches({ rows: 30, batchSize: 30, seed })(0)).toBeNull();
  });

  it('treats all orders of four rows alike', () => {
    const counts = new Map<string, number>();
    const trials = 4800;
    for (let trial = 0; trial < trials; trial++) {
      const seed = new Uint8Array(32);
      new DataView(seed.buffer).setUint32(0, trial);
      const batches = shuffledBatches({ rows: 4, batchSize: 3, seed });
      const order = [...(batches(0) ?? []), ...(batches(1) ?? [])].join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const expected = trials / 24;
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(counts.size).toBe(24);
    // 99.99 % point of χ² with 23 degrees of freedom.
    expect(chiSquared).toBeLessThan(57);
  });

  it('throws on what cannot be batched', () => {
    expect(() => shuffledBatches({ rows: 0, batchSize: null, seed: new Uint8Array(32) })).toThrow(RangeError);
    expect(() => shuffledBatches({ rows: 5, batchSize: 2, seed: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => explicitBatches([[0]])(1)).toThrow(RangeError);
  });
});
