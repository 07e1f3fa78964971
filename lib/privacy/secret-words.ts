import { chacha20 } from '@noble/ciphers/chacha.js';
import { u64be } from '../core/bytes.ts';

const SEED_BYTES = 32;
const NONCE_BYTES = 12;
/** Keystream made at a time: 64 blocks of ChaCha20, counters 0 … 63. */
const CHUNK_BYTES = 4096;

/**
 * An endless stream of uniform 32-bit words that is as secret as its seed: ChaCha20 (RFC 8439) with the seed as key,
 * words in the order of the keystream, little-endian. Chunk n has n as its nonce, so that no pair of nonce and counter
 * comes twice. The same seed gives the same words: a seed is for one use.
 */
export function secretWords(seed: Uint8Array): Iterator<number, never> {
  if (seed.length !== SEED_BYTES) throw new RangeError('a secret seed has 32 bytes');
  const key = seed.slice();
  const zeros = new Uint8Array(CHUNK_BYTES);
  const keystream = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(keystream.buffer);
  const nonce = new Uint8Array(NONCE_BYTES);
  let chunk = 0;
  let at = CHUNK_BYTES;
  return {
    next: () => {
      if (at === CHUNK_BYTES) {
        nonce.set(u64be(chunk++), NONCE_BYTES - 8);
        chacha20(key, nonce, zeros, keystream);
        at = 0;
      }
      const value = view.getUint32(at, true);
      at += 4;
      return { value, done: false };
    },
  };
}
