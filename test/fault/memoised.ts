import { createHash } from 'node:crypto';
import type * as Shapes from '../../lib/contract/shapes.ts';
import type * as Ed25519 from '../../lib/core/ed25519.ts';
import { toHex, utf8 } from '../../lib/core/bytes.ts';

/*
 * The real functions, each distinct input computed once. Of a thousand runs of one study that differ in one fault,
 * nearly all signatures and documents are the same, and they are most of the time.
 */

export function memoisedEd25519(real: typeof Ed25519): typeof Ed25519 {
  const signers = new Remembered<Ed25519.Signer>();
  const signatures = new Remembered<ReturnType<Ed25519.Signer['sign']>>();
  const verdicts = new Remembered<boolean>();
  const signerOf = (seed: Uint8Array): Ed25519.Signer => {
    const signer = real.signerFromSeed(seed);
    return {
      publicKey: signer.publicKey,
      sign: (domain, ...fields) =>
        signatures.get(keyOf(seed, utf8(domain), ...fields), () => signer.sign(domain, ...fields)),
    };
  };
  return {
    ...real,
    signerFromSeed: (seed) => signers.get(toHex(seed), () => signerOf(seed)),
    verifySignature: (check) => {
      const { publicKey, signature, domain, fields } = check;
      return verdicts.get(keyOf(publicKey, signature, utf8(domain), ...fields), () => real.verifySignature(check));
    },
  };
}

/** Documents are immutable by type, so that one may be handed out twice. */
export function memoisedShapes(real: typeof Shapes): typeof Shapes {
  const bySchema = new Map<unknown, Remembered<ReturnType<typeof Shapes.decodeDocument>>>();
  const decodeDocument: typeof Shapes.decodeDocument = (schema, bytes, options) => {
    const documents = bySchema.get(schema) ?? new Remembered();
    bySchema.set(schema, documents);
    const decode = (): ReturnType<typeof Shapes.decodeDocument> => real.decodeDocument(schema, bytes, options);
    return documents.get(`${options.code} ${keyOf(bytes)}`, decode) as ReturnType<
      typeof Shapes.decodeDocument<(typeof schema)['_output']>
    >;
  };
  return { ...real, decodeDocument };
}

const KEPT = 10_000;

/** The values of late; all are forgotten at once, since evicting one by one takes longer than computing again. */
class Remembered<T> {
  readonly #values = new Map<string, T>();

  get(key: string, compute: () => T): T {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = compute();
    if (this.#values.size === KEPT) this.#values.clear();
    this.#values.set(key, value);
    return value;
  }
}

/** `parts`, each with its length, hashed: no two lists have the same key. */
function keyOf(...parts: readonly Uint8Array[]): string {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${part.length} `).update(part);
  return digest.digest('base64');
}
