import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import type { FrameStream } from './frame-duplex.ts';
import { frameCodec, MAX_FRAME_BYTES } from './session-codec.ts';

/** What CallFrames uses of a client's or server's bidirectional call. */
interface FrameCall {
  read(): unknown;
  write(bytes: Buffer, callback: (error?: Error | null) => void): boolean;
  resume(): unknown;
  on(event: 'readable' | 'end' | 'close', listener: () => void): unknown;
  removeAllListeners(event: 'readable'): unknown;
}

/** How one side of a bidirectional call ends; the other half is the same for client and server. */
export interface CallEnds {
  /**
   * Asked when the peer's direction ended: a reset stream looks like a finished one at first, and must be reported
   * through `fail` before the next turn of the event loop.
   */
  confirmEnd(): void;
  /** After the last frame was taken: half-close (client) or status OK (server). */
  finish(): void;
  /** At once, with a refusal that reaches the peer if this side can send one. */
  refuse(refusal: Refusal): void;
  /** When the peer neither reads nor answers. */
  cut(): void;
}

/** After our end the peer has this long to end its own direction. */
const LINGER_MS = 5000;

/**
 * A bidirectional gRPC call as a FrameStream. Reading is pulled and a frame is written when the one before it was
 * taken, so that a slow reader slows its writer; gRPC itself reads at most 16 messages ahead.
 */
export class CallFrames implements FrameStream {
  readonly #call: FrameCall;
  readonly #ends: CallEnds;
  readonly #stallMs: number;
  readonly #blocked = new Set<(failure: RefusalError) => void>();
  #wake: (() => void) | null = null;
  #closed = false;
  #peerEnded = false;
  #failure: RefusalError | null = null;
  #sendingEnded: RefusalError | null = null;

  constructor(call: FrameCall, { stallMs, ...ends }: CallEnds & { readonly stallMs: number }) {
    this.#call = call;
    this.#ends = ends;
    this.#stallMs = stallMs;
    call.on('readable', () => {
      this.#resume();
    });
    let ending = false;
    call.on('end', () => {
      ending = true;
      ends.confirmEnd();
      setImmediate(() => {
        this.#peerEnded = true;
        this.#resume();
      });
    });
    call.on('close', () => {
      if (!ending) this.fail(refusal('E-TRANSPORT', 'the stream broke off'));
    });
  }

  async send(frame: Uint8Array): Promise<void> {
    if (frame.length === 0 || frame.length > MAX_FRAME_BYTES) {
      throw new RangeError(`a frame has 1 to ${MAX_FRAME_BYTES} bytes`);
    }
    if (this.#sendingEnded !== null) throw this.#sendingEnded;
    if (this.#closed) throw new RefusalError(refusal('E-TRANSPORT', 'the stream is closed'));
    await new Promise<void>((resolve, reject) => {
      const stalled = setTimeout(() => {
        this.abort(refusal('E-CHANNEL-TIMEOUT', 'the peer does not read'));
      }, this.#stallMs);
      const settle = (failure: RefusalError | null): void => {
        clearTimeout(stalled);
        this.#blocked.delete(settle);
        if (failure === null) resolve();
        else reject(failure);
      };
      this.#blocked.add(settle);
      this.#call.write(frameCodec.encode(frame), (error) => {
        settle(error ? new RefusalError(refusal('E-TRANSPORT', 'the stream broke off')) : null);
      });
    });
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#wake !== null) throw new Error('next() was called while another next() waits');
    for (;;) {
      if (this.#closed) return null;
      const message = this.#call.read();
      if (message instanceof Uint8Array) return this.#open(message);
      if (this.#failure !== null) throw this.#failure;
      if (this.#peerEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    if (this.#closed || this.#failure !== null) return;
    this.#closed = true;
    this.#ends.finish();
    this.#discardRest();
    this.#resume();
  }

  abort(reason: Refusal): void {
    this.endWith(reason, () => {
      this.#ends.refuse(reason);
    });
  }

  /** Ends at once; `tell` carries the news to the peer. */
  endWith(reason: Refusal, tell: () => void): void {
    if (this.#closed || this.#failure !== null) return;
    this.fail(reason);
    tell();
    this.#discardRest();
  }

  /** The call broke: whoever waits is told, nothing more is sent. Only the first reason counts. */
  fail(reason: Refusal): void {
    this.#failure ??= new RefusalError(reason);
    this.endSending(this.#failure.refusals[0]);
    this.#resume();
  }

  /** The peer takes no more frames; those it sent can still be read. */
  endSending(reason: Refusal): void {
    this.#sendingEnded ??= new RefusalError(reason);
    for (const settle of [...this.#blocked]) settle(this.#sendingEnded);
  }

  /** What still arrives is thrown away, so that the end behind it is seen; a peer that never ends is cut off. */
  #discardRest(): void {
    this.#call.removeAllListeners('readable');
    this.#call.resume();
    const linger = setTimeout(() => {
      this.#ends.cut();
    }, LINGER_MS);
    linger.unref();
    this.#call.on('close', () => {
      clearTimeout(linger);
    });
  }

  #open(message: Uint8Array): Uint8Array {
    const frame = frameCodec.decode(message);
    if (frame.ok) return frame.value;
    this.abort(frame.error);
    throw new RefusalError(frame.error);
  }

  #resume(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
