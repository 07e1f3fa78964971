import { u64be, utf8 } from '../core/bytes.ts';
import { hash } from '../core/hash.ts';

/** A whole number from 0 to 2^53 − 1, or 32 bytes. */
export type Seed = number | Uint8Array;

/** Repeatable numbers for synthetic data and for dividing files; never for keys, salts or noise. */
export interface SeededStream {
  /** From [0, 1), a multiple of 2^-53. */
  readonly uniform: () => number;
  /** A whole number from 0 to `bound` − 1, every one equally likely. */
  readonly below: (bound: number) => number;
  /**
   * Mean 0, standard deviation 1: the sum of twelve uniforms less six (Irwin–Hall). Only additions, so every
   * platform gets the same bits; the tails end at ±6.
   */
  readonly normal: () => number;
}

const SEED_BYTES = 32;
const TWO_53 = 2 ** 53;

/** Block i of the stream is `H("seed", seed, label, u64be(i))`; streams with different labels are unrelated. */
export function seededStream(seed: Seed, label: string): SeededStream {
  const root = typeof seed === 'number' ? u64be(seed) : seed;
  if (typeof seed !== 'number' && seed.length !== SEED_BYTES) throw new RangeError('a seed of bytes has 32');
  let block = new DataView(new ArrayBuffer(0));
  let offset = 0;
  let counter = 0;
  const uniform = (): number => {
    if (offset === block.byteLength) {
      block = new DataView(Uint8Array.from(hash('seed', root, utf8(label), u64be(counter))).buffer);
      counter += 1;
      offset = 0;
    }
    const bits = block.getBigUint64(offset) >> 11n;
    offset += 8;
    return Number(bits) / TWO_53;
  };
  const below = (bound: number): number => {
    const limit = TWO_53 - (TWO_53 % bound);
    let drawn = uniform() * TWO_53;
    while (drawn >= limit) drawn = uniform() * TWO_53;
    return drawn % bound;
  };
  const normal = (): number => {
    let sum = -6;
    for (let term = 0; term < 12; term++) sum += uniform();
    return sum;
  };
  return { uniform, below, normal };
}
