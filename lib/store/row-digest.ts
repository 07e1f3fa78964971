import { createHash } from 'node:crypto';
import { u64be, utf8 } from '../core/bytes.ts';

/**
 * SHA-256 over where a value stands and what it is (PROTOCOL §2.2, with Node's own SHA-256: models are large). It finds
 * flipped bits and misplaced rows; it keeps nobody from writing a row with its digest.
 */
export function rowDigest(place: readonly (string | number)[], bytes: Uint8Array): Uint8Array {
  const hash = createHash('sha256');
  const fields = ['consilium/stored-row/v1', ...place].map((field) =>
    typeof field === 'number' ? u64be(field) : utf8(field),
  );
  for (const field of [...fields, bytes]) hash.update(u64be(field.length)).update(field);
  return new Uint8Array(hash.digest());
}
