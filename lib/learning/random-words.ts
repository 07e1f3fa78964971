import { u64be } from '../core/bytes.ts';
import { hash, type Domain } from '../core/hash.ts';

const WORD_COUNT = 2 ** 32;

/**
 * An endless stream of uniform 32-bit words: block k is SHA-256 over the domain, `fields` and k, read big-endian.
 * The same on every platform. For public seeds and shuffles; secret noise has its own generator.
 */
export function* randomWords(domain: Domain, ...fields: readonly Uint8Array[]): Generator<number, never> {
  for (let counter = 0; ; counter++) {
    const block = hash(domain, ...fields, u64be(counter));
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    for (let at = 0; at < block.byteLength; at += 4) yield view.getUint32(at);
  }
}

/** Uniform in 0 … bound − 1; words beyond the last whole multiple of `bound` are thrown away, so without bias. */
export function uniformBelow(bound: number, words: Iterator<number, never>): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > WORD_COUNT) {
    throw new RangeError('uniformBelow takes a bound from 1 to 2^32');
  }
  const accepted = WORD_COUNT - (WORD_COUNT % bound);
  for (;;) {
    const word = words.next().value;
    if (word < accepted) return word % bound;
  }
}
