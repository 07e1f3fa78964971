import { z } from 'zod';
import { count, decodeDocument, digest, encodeDocument } from '../lib/contract/shapes.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import type { EventStore } from '../lib/store/event-store.ts';

/** Beside the agent's own stream, which nobody else may write while it runs. */
const STREAM = 'accepted-backups';

const acceptedBackup = z.strictObject({
  format: z.literal('consilium/accepted-backup/v1'),
  contract: digest,
  /** Of the statement that showed the hospital's memory to be behind: an acceptance holds for no later surprise. */
  counter: count,
});

interface Accepted {
  readonly contract: Digest;
  readonly counter: number;
}

/** Whether somebody of this hospital has accepted what the statement of `counter` showed. Throws RefusalError on a bad store. */
export async function isBackupAccepted(events: EventStore, { contract, counter }: Accepted): Promise<boolean> {
  const stored = await events.read(STREAM);
  return stored.some((bytes) => {
    const decoded = decodeDocument(acceptedBackup, bytes, { code: 'E-STORE-FORMAT' });
    if (!decoded.ok) throw new RefusalError(decoded.error);
    return bytesEqual(decoded.value.contract, contract) && decoded.value.counter === counter;
  });
}

/** Durable when it resolves; throws RefusalError where the store refuses. */
export async function storeAcceptedBackup(events: EventStore, accepted: Accepted): Promise<void> {
  const { length } = await events.read(STREAM);
  const stored = await events.append(STREAM, length, [
    encodeDocument({ format: 'consilium/accepted-backup/v1', ...accepted }),
  ]);
  if (!stored.ok) throw new RefusalError(stored.error);
}
