import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';

/**
 * Append-only streams of opaque events. A stream's version is the number of its events; a stream nobody wrote
 * has version 0.
 *
 * Durability duty of every backend: when `append` resolves with a value, its events survive power loss; when it
 * resolves with a refusal, none of them was appended. A caller therefore performs effects only after. When it rejects,
 * a disk may have done what it reported lost: nobody decides anything more on what he remembers (fail-stop.ts).
 */
export interface EventStore {
  /**
   * Appends all of `events`, or none, if the stream stands at `expectedVersion`; gives the new version.
   * Refuses with E-STORE-CONFLICT when the stream stands elsewhere; rejects with a RefusalError (E-STORE-IO,
   * E-STORE-FORMAT) when the disk fails or the file was altered.
   */
  append(stream: string, expectedVersion: number, events: readonly Uint8Array[]): Promise<Result<number, Refusal>>;

  /** How many events the stream holds. */
  version(stream: string): Promise<number>;

  /**
   * Events from `fromVersion` (default 0) on, oldest first, at most `limit` (default: all); the first event of a stream
   * brings it to version 1. A stream that may be long is read in pages: `eachEvent`.
   */
  read(stream: string, fromVersion?: number, limit?: number): Promise<readonly Uint8Array[]>;
}
