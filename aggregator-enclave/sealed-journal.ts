import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Head } from '../lib/contract/shapes.ts';
import { encodeCbor } from '../lib/core/cbor.ts';
import { concatBytes } from '../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import { hash } from '../lib/core/hash.ts';
import type { Digest } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';

const RECORD_FORMAT = 'consilium/sealed-record/v2';
const BLOB_FORMAT = 'consilium/sealed-blob/v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where sealed records and blobs go; the host keeps them and can read none (HOUSE §3). */
export interface RecordStore {
  /** Resolves once `records` survive power loss; refuses E-STORE-CONFLICT when the log is not `expected` records long. */
  append(expected: number, records: readonly Uint8Array[]): Promise<Result<number, Refusal>>;
  /** Records from number `from` on, oldest first, at most `limit`; fewer only at the end of the log. */
  read(from: number, limit: number): Promise<readonly Uint8Array[]>;
  readonly blobs: SealedBlobStore;
}

/** Durable when it resolves, like `append`. What the host answers is checked by the seal; what it hides is missed. */
export interface SealedBlobStore {
  put(name: string, sealed: Uint8Array): Promise<void>;
  /** null: no such blob. */
  get(name: string): Promise<Uint8Array | null>;
  names(): Promise<readonly string[]>;
  delete(name: string): Promise<void>;
}

export interface SealContext {
  readonly contract: Digest;
  /** Record number. */
  readonly counter: number;
  /** Head of the statement chain before the record; null before genesis. */
  readonly head: Head | null;
  /** `recordDigest` of the record before; null for the first: records of two timelines cannot be put together. */
  readonly previous: Digest | null;
}

export const recordDigest = (record: Uint8Array): Digest => hash('sealed-record', record);

/** AES-256-GCM under `SEAL`; purpose, contract, counter, head and the record before are associated data (PROTOCOL §3). */
export const seal = (key: Uint8Array, plaintext: Uint8Array, context: SealContext): Uint8Array =>
  sealed(key, plaintext, associatedData(context));

/** E-STORE-SEALED for records of another enclave, contract, place or version, and for altered ones. */
export const unseal = (key: Uint8Array, record: Uint8Array, context: SealContext): Result<Uint8Array, Refusal> =>
  unsealed(key, record, associatedData(context)) ?? err(refusal('E-STORE-SEALED', `sealed record ${context.counter}`));

/** What is sealed beside the records, by the digest that a record names it with (PROTOCOL §3). */
export interface BlobContext {
  readonly contract: Digest;
  readonly purpose: 'enclave-model';
  /** Of the statement that fixed what is in the blob. */
  readonly digest: Digest;
}

export const sealBlob = (key: Uint8Array, plaintext: Uint8Array, context: BlobContext): Uint8Array =>
  sealed(key, plaintext, encodeCbor({ format: BLOB_FORMAT, ...context }));

/** E-STORE-SEALED for blobs of another enclave, contract, purpose, statement or version, and for altered ones. */
export const unsealBlob = (key: Uint8Array, blob: Uint8Array, context: BlobContext): Result<Uint8Array, Refusal> =>
  unsealed(key, blob, encodeCbor({ format: BLOB_FORMAT, ...context })) ??
  err(refusal('E-STORE-SEALED', `sealed blob: ${context.purpose}`));

function sealed(key: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associated);
  return concatBytes(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** null: it does not open. */
function unsealed(key: Uint8Array, bytes: Uint8Array, associated: Uint8Array): Result<Uint8Array, never> | null {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(associated);
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    return ok(concatBytes(decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()));
  } catch {
    return null;
  }
}

function associatedData({ contract, counter, head, previous }: SealContext): Uint8Array {
  const position = head === null ? null : { counter: head.counter, digest: head.digest };
  return encodeCbor({ format: RECORD_FORMAT, purpose: 'enclave-events', contract, counter, head: position, previous });
}

/** Appends or throws RefusalError: an enclave that cannot store must not go on. */
export async function appendOrThrow(
  store: RecordStore,
  expected: number,
  records: readonly Uint8Array[],
): Promise<void> {
  const appended = await store.append(expected, records);
  if (!appended.ok) throw new RefusalError(appended.error);
}
