import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, u64be, utf8 } from './bytes.ts';
import type { Digest } from './ids.ts';

/** What is hashed or signed; the tag becomes `consilium/<what>/v1` (PROTOCOL §2.2). */
export type Domain =
  | 'acknowledgement'
  | 'approval'
  | 'attest'
  | 'boot'
  | 'certificate'
  | 'chip-certificate'
  | 'code'
  | 'commit'
  | 'contract'
  | 'endorsement'
  | 'evidence'
  | 'layout'
  | 'model'
  | 'noise'
  | 'noise-root'
  | 'organisation'
  | 'platform-measurement'
  | 'privacy-entry'
  | 'quote'
  | 'schema'
  | 'sealed-record'
  | 'seed'
  | 'set'
  | 'statement'
  | 'training'
  | 'transcript'
  | 'update'
  | 'update-terms'
  | 'weights'
  | 'withdrawal';

/** Length-prefixed fields behind a domain tag: no two field lists give the same bytes. */
export function lengthPrefixed(domain: Domain, ...fields: readonly Uint8Array[]): Uint8Array {
  return prefixFields(utf8(`consilium/${domain}/v1`), ...fields);
}

/** `lp(x…)` of PROTOCOL §2.2: each field as `u64be(length) || bytes`. */
export function prefixFields(...fields: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...fields.flatMap((field) => [u64be(field.length), field]));
}

/** `H("domain", fields…)` of PROTOCOL §2.2: SHA-256, 32 bytes. */
export function hash(domain: Domain, ...fields: readonly Uint8Array[]): Digest {
  return sha256(lengthPrefixed(domain, ...fields)) as Digest;
}

/** The same with SHA-512 (64 bytes): transcripts and attestation binders (PROTOCOL §4). */
export function hash512(domain: Domain, ...fields: readonly Uint8Array[]): Uint8Array {
  return sha512(lengthPrefixed(domain, ...fields));
}
