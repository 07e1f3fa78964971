/**
 * The transport under a session: whole frames, in order, in both directions, and nothing else is believed of it.
 * Structural, so that a gRPC stream, a relay or a pair of queues can be one.
 */
export interface FrameDuplex {
  /** Resolves when the transport has room for more; rejects when it is gone. */
  send(frame: Uint8Array): Promise<void>;
  /** The next frame; null: the other side, or this one, has ended the transport. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** Ends both directions; a pending `next` gives null. `reason` is a stable code for logs, without secrets. */
  close(reason?: string): void;
}
