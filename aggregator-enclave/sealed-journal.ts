import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Head } from '../lib/contract/shapes.ts';
import { encodeCbor } from '../lib/core/cbor.ts';
import { concatBytes } from '../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import { hash } from '../lib/core/hash.ts';
import type { Digest } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';

const FORMAT = 'consilium/sealed-record/v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where sealed records go; the host keeps them and can read none (HOUSE §3). */
export interface RecordStore {
  /** Resolves once `records` survive power loss; refuses E-STORE-CONFLICT when the log is not `expected` records long. */
  append(expected: number, records: readonly Uint8Array[]): Promise<Result<number, Refusal>>;
  read(): Promise<readonly Uint8Array[]>;
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
export function seal(key: Uint8Array, plaintext: Uint8Array, context: SealContext): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associatedData(context));
  return concatBytes(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** E-STORE-FORMAT for records of another enclave, contract, place or version, and for altered ones. */
export function unseal(key: Uint8Array, record: Uint8Array, context: SealContext): Result<Uint8Array, Refusal> {
  const refused = err(refusal('E-STORE-FORMAT', `sealed record ${context.counter}`));
  if (record.length < NONCE_BYTES + TAG_BYTES) return refused;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, record.subarray(0, NONCE_BYTES)).setAAD(
      associatedData(context),
    );
    decipher.setAuthTag(record.subarray(record.length - TAG_BYTES));
    const body = record.subarray(NONCE_BYTES, record.length - TAG_BYTES);
    return ok(concatBytes(decipher.update(body), decipher.final()));
  } catch {
    return refused;
  }
}

function associatedData({ contract, counter, head, previous }: SealContext): Uint8Array {
  const position = head === null ? null : { counter: head.counter, digest: head.digest };
  return encodeCbor({ format: FORMAT, purpose: 'enclave-events', contract, counter, head: position, previous });
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
