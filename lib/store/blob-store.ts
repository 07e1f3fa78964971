/**
 * Whole values under a key, last writer wins. Durability duty: when `put` or `delete` resolves, its effect
 * survives power loss. Nothing here is encrypted: callers seal what must stay secret before they put it.
 */
export interface BlobStore {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Null when there is no such key. */
  get(key: string): Promise<Uint8Array | null>;
  /** Every key that begins with `prefix`, in no particular order. */
  keys(prefix: string): Promise<readonly string[]>;
  /** Also resolves when there is no such key. */
  delete(key: string): Promise<void>;
}
