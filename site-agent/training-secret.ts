import { refusal, RefusalError } from '../lib/core/errors.ts';
import type { EventStore } from '../lib/store/event-store.ts';

const STREAM = 'training-secret';
const SECRET_BYTES = 32;

/**
 * The 32 bytes that this hospital's training randomness follows from: drawn once for a store, and kept in it, so that a
 * copy of the store that was put back trains the same bytes again. Throws RefusalError where the store refuses.
 */
export async function trainingSecret(events: EventStore, draw: () => Uint8Array): Promise<Uint8Array> {
  const [stored] = await events.read(STREAM);
  if (stored !== undefined) {
    if (stored.length !== SECRET_BYTES) throw new RefusalError(refusal('E-STORE-DAMAGED', STREAM));
    return stored;
  }
  const drawn = draw();
  const appended = await events.append(STREAM, 0, [drawn]);
  if (!appended.ok) throw new RefusalError(appended.error);
  return drawn;
}
