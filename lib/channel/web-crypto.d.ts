import type { webcrypto } from 'node:crypto';

/** The names under which the types of @hpke know WebCrypto; Node declares them in `node:crypto` only. */
declare global {
  type CryptoKey = webcrypto.CryptoKey;
  type CryptoKeyPair = webcrypto.CryptoKeyPair;
  type JsonWebKey = webcrypto.JsonWebKey;
  type KeyUsage = webcrypto.KeyUsage;
}
