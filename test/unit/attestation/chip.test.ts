import { expect, test } from 'vitest';
import { SimulatedChip } from '../../../lib/attestation/simulated/chip.ts';
import { instant, type Digest } from '../../../lib/core/ids.ts';

const bytes = (fill: number): Digest => new Uint8Array(32).fill(fill) as Digest;
const chip = (seed: number, instance: string): SimulatedChip =>
  new SimulatedChip({ rootSeed: bytes(seed), instance, now: () => instant(0) });
const program = (fill: number) => ({ measurement: bytes(fill), role: 'enclave' }) as const;

test('the sealing key belongs to one program on one machine of one root, and survives a restart of the chip', () => {
  const key = chip(1, 'a').sealingKey(program(1));
  expect(key).toHaveLength(32);
  expect(chip(1, 'a').sealingKey(program(1))).toEqual(key);
  const others = [
    chip(2, 'a').sealingKey(program(1)),
    chip(1, 'b').sealingKey(program(1)),
    chip(1, 'a').sealingKey(program(2)),
  ];
  for (const other of others) expect(other).not.toEqual(key);
});

test('a lie about the measurement does not move the sealing key', () => {
  const lying = new SimulatedChip({
    rootSeed: bytes(1),
    instance: 'a',
    now: () => instant(0),
    lies: { measurement: bytes(9) },
  });
  expect(lying.sealingKey(program(1))).toEqual(chip(1, 'a').sealingKey(program(1)));
});

test('the public root tells nothing of the seed, and a seed has 32 bytes', () => {
  expect(chip(1, 'a').root).not.toEqual(bytes(1));
  expect(chip(1, 'a').root).toEqual(chip(1, 'b').root);
  expect(() => new SimulatedChip({ rootSeed: new Uint8Array(31), instance: 'a', now: () => instant(0) })).toThrow(
    RangeError,
  );
});
