import { z } from 'zod';
import { decodeDocument, digest, encodeDocument } from '../lib/contract/shapes.ts';
import { openContract, type SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import type { Store } from '../lib/store/store.ts';

const STREAM = 'contracts';
const FORMAT = 'consilium/site-contract/v1';
const entry = z.strictObject({ format: z.literal(FORMAT), contract: digest });

const contractBlob = (contract: Digest): string => `contract ${toHex(contract)}`;

/** Every contract that this store has worked under, oldest first. Throws RefusalError E-STORE-FORMAT for a list that cannot be read. */
export async function listContracts({ events, blobs }: Pick<Store, 'events' | 'blobs'>): Promise<SealedContract[]> {
  const listed: SealedContract[] = [];
  for (const bytes of await events.read(STREAM)) {
    const read = decodeDocument(entry, bytes, { code: 'E-STORE-FORMAT' });
    if (!read.ok) throw new RefusalError(read.error);
    const { contract } = read.value;
    const sealed = openContract((await blobs.get(contractBlob(contract))) ?? new Uint8Array());
    if (!sealed.ok || !bytesEqual(sealed.value.digest, contract)) throw new RefusalError(lost(contract));
    listed.push(sealed.value);
  }
  return listed;
}

/** Adds `sealed` as number `place` of the list. Throws RefusalError E-STORE-CONFLICT when another agent added one meanwhile. */
export async function addContract(
  { events, blobs }: Pick<Store, 'events' | 'blobs'>,
  sealed: SealedContract,
  place: number,
): Promise<void> {
  await blobs.put(contractBlob(sealed.digest), sealed.bytes);
  const added = await events.append(STREAM, place, [encodeDocument({ format: FORMAT, contract: sealed.digest })]);
  if (!added.ok) throw new RefusalError(added.error);
}

const lost = (contract: Digest): Refusal =>
  refusal('E-STORE-DAMAGED', `contract ${toHex(contract)} is not in the store`);
