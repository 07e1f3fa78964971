import { describe, expect, it } from 'vitest';
import { hunt } from '../fuzz/hunt.ts';
import { QUARRIES } from '../fuzz/quarries.ts';

const INPUTS = 60;
/** A machine that runs all tests at once stalls; what hangs takes longer. */
const MAX_MS = 2000;

/** A taste of `npm run fuzz -- parsers`, the same in every run. */
describe('everything that takes evidence or collateral from outside', () => {
  it.each(QUARRIES)('$name never throws, whatever it is given', (quarry) => {
    const { finds, inputs } = hunt(quarry, { inputs: INPUTS, seed: 20_261_120, maxMs: MAX_MS });
    expect(finds.map(({ what, input }) => `${what}: ${Buffer.from(input.subarray(0, 64)).toString('hex')}`)).toEqual(
      [],
    );
    expect(inputs).toBe(INPUTS);
  });
});

describe('the hunt', () => {
  const prey = { name: 'prey', style: 'binary', seeds: () => [new Uint8Array(9)] as const } as const;

  it('finds a parser that throws', () => {
    const { finds } = hunt({ ...prey, parse: () => JSON.parse('{') as boolean }, { inputs: 3, seed: 5 });
    expect(finds.map(({ what }) => what.split(':')[0])).toEqual(['SyntaxError', 'SyntaxError', 'SyntaxError']);
  });

  it('finds a parser that takes long, each time it is asked', () => {
    const parse = (): boolean => {
      const start = process.threadCpuUsage();
      for (;;) if (process.threadCpuUsage(start).user > 60_000) return true;
    };
    expect(hunt({ ...prey, parse }, { inputs: 1, seed: 5 }).finds[0]?.what).toMatch(/^took \d+ ms$/);
  });

  it('finds a parser that holds on to what it was given', () => {
    const kept: Uint8Array[] = [];
    const parse = (): boolean => kept.push(new Uint8Array(8192).fill(7)) > 0;
    expect(hunt({ ...prey, parse }, { inputs: 5000, seed: 5 }).finds[0]?.what).toMatch(/^holds \d+ bytes more$/);
  });
});
