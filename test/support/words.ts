import { createCipheriv } from 'node:crypto';

/** A source of just these 32-bit words; whoever asks for more fails. */
export function* wordsOf(...words: readonly number[]): Generator<number, never> {
  yield* words;
  throw new Error('more words were asked for than the test gives');
}

/** An endless source of uniform words, the same for the same seed from 0 to 255: OpenSSL's ChaCha20. */
export function* seededWords(seed: number): Generator<number, never> {
  const cipher = createCipheriv('chacha20', new Uint8Array(32).fill(seed), new Uint8Array(16));
  const zeros = new Uint8Array(2 ** 16);
  for (;;) {
    const { buffer, byteOffset, byteLength } = cipher.update(zeros);
    const view = new DataView(buffer, byteOffset, byteLength);
    for (let at = 0; at < byteLength; at += 4) yield view.getUint32(at);
  }
}
