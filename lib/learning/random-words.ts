import { u64be } from '../core/bytes.ts';
import { hash, type Domain } from '../core/hash.ts';

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
