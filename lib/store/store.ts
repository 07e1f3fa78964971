import type { BlobStore } from './blob-store.ts';
import type { EventStore } from './event-store.ts';

/** One backend's two ports. After `close` every call rejects. */
export interface Store {
  readonly events: EventStore;
  readonly blobs: BlobStore;
  close(): Promise<void>;
}

const MAX_NAME_LENGTH = 200;

/** Stream names and blob keys are chosen by code: a bad one is a bug, not a refusal. */
export function checkName(name: string): void {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH || !name.isWellFormed() || name.includes('\0')) {
    throw new RangeError(`a stream or key is well-formed text of 1-${MAX_NAME_LENGTH} characters`);
  }
}

/** At least one event: nobody reads a page that cannot hold any. */
export function checkLimit(limit: number): void {
  if (limit !== Infinity && (!Number.isSafeInteger(limit) || limit < 1))
    throw new RangeError('a limit is a positive integer, or Infinity');
}

export function checkVersion(version: number): void {
  if (!Number.isSafeInteger(version) || version < 0) throw new RangeError('a version is a non-negative integer');
}
