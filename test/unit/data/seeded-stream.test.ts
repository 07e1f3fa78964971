import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededStream } from '../../../lib/data/seeded-stream.ts';

const draw = (count: number, next: () => number): number[] => Array.from({ length: count }, next);

describe('a seeded stream', () => {
  it('is SHA-256 in counter mode, 53 bits of every 8 bytes', () => {
    const field = (bytes: Buffer): Buffer => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(bytes.length));
      return Buffer.concat([length, bytes]);
    };
    const block = (counter: number): Buffer => {
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(BigInt(counter));
      const seed = Buffer.alloc(8);
      seed.writeBigUInt64BE(12_345n);
      const fields = [Buffer.from('consilium/seed/v1'), seed, Buffer.from('label'), number].map(field);
      return createHash('sha256').update(Buffer.concat(fields)).digest();
    };
    const bytes = Buffer.concat([block(0), block(1)]);
    const expected = [0, 8, 16, 24, 32].map((at) => Number(bytes.readBigUInt64BE(at) >> 11n) / 2 ** 53);
    expect(draw(5, seededStream(12_345, 'label').uniform)).toEqual(expected);
  });

  it('depends on seed and label', () => {
    const first = (seed: number | Uint8Array, label: string): number => seededStream(seed, label).uniform();
    const drawn = [first(1, 'a'), first(2, 'a'), first(1, 'b'), first(new Uint8Array(32), 'a'), first(0, 'a')];
    expect(new Set(drawn).size).toBe(5);
  });

  it('takes 32 bytes or a whole number and nothing else', () => {
    for (const seed of [-1, 0.5, 2 ** 53, Number.NaN, new Uint8Array(31), new Uint8Array(8)]) {
      expect(() => seededStream(seed, 'a').uniform()).toThrow(RangeError);
    }
  });

  it('has mean 0 and deviation 1 as normal numbers', () => {
    const values = draw(20_000, seededStream(3, 'normal').normal);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.04);
    const within = values.filter((value) => Math.abs(value) < 1.96).length / values.length;
    expect(Math.abs(within - 0.95)).toBeLessThan(0.01);
  });

  it('gives every whole number below a bound about equally often', () => {
    const counts = new Array<number>(7).fill(0);
    for (const value of draw(7000, () => seededStreamBelow(7))) counts[value] = (counts[value] ?? 0) + 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

const shared = seededStream(9, 'below');
const seededStreamBelow = (bound: number): number => shared.below(bound);
