import { ed25519 } from '@noble/curves/ed25519.js';
import { lengthPrefixed, type Domain } from './hash.ts';
import type { PublicKey, Signature } from './ids.ts';

/** Signs domain-tagged fields; never bare bytes (PROTOCOL §2.2). Deterministic (RFC 8032). */
export interface Signer {
  readonly publicKey: PublicKey;
  sign(domain: Domain, ...fields: readonly Uint8Array[]): Signature;
}

/** `seed`: 32 secret bytes from the CSPRNG (or, in simulation, derived from the run's seed). */
export function signerFromSeed(seed: Uint8Array): Signer {
  const publicKey = ed25519.getPublicKey(seed) as PublicKey;
  return {
    publicKey,
    sign: (domain, ...fields) => ed25519.sign(lengthPrefixed(domain, ...fields), seed) as Signature,
  };
}

export interface SignatureCheck {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly domain: Domain;
  readonly fields: readonly Uint8Array[];
}

/** Strict RFC 8032 / FIPS 186-5 verification (no ZIP-215 leniency); false for malformed keys and signatures. */
export function verifySignature({ publicKey, signature, domain, fields }: SignatureCheck): boolean {
  const message = lengthPrefixed(domain, ...fields);
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    // Another length than 32 and 64 bytes.
    return false;
  }
}
