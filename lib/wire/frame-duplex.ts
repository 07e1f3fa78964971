import type { Refusal } from '../core/errors.ts';

/** Both directions of one stream of opaque frames; lib/channel works on this shape and knows no gRPC. */
export interface FrameDuplex {
  /** Resolves when the transport has taken the frame; rejects (RefusalError) when the stream has ended. */
  send(frame: Uint8Array): Promise<void>;
  /** The next frame; null at the clean end; rejects (RefusalError) when the stream broke. One call at a time. */
  next(): Promise<Uint8Array | null>;
  /** Ends both directions cleanly; what was sent before still arrives. `reason` is for logs. */
  close(reason?: string): void;
}

/** The same with the transport's own way to end in a refusal. */
export interface FrameStream extends FrameDuplex {
  /** Ends both directions at once. A server's refusal reaches the client; a client's only cuts the stream. */
  abort(refusal: Refusal): void;
}
