import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Bytes that one direction of one connection may hold back; beyond that its sender is not read any more. */
export const MAX_HELD_BYTES = 256 << 10;
/** A slow line passes so many pieces in a second. */
const PIECES_PER_SECOND = 20;

export interface LineParts {
  readonly source: Socket;
  readonly sink: Socket;
  /** Milliseconds that a chunk which arrives now is held back. */
  readonly delayOfNext: () => number;
  readonly bytesPerSecond: () => number | null;
  /** What travels in the place of a chunk: not more than twice its bytes. */
  readonly mangle: (chunk: Uint8Array) => readonly Uint8Array[];
  /** Resolves when the line lets bytes through. */
  readonly untilOpen: () => Promise<unknown>;
  readonly onForwarded: (bytes: number) => void;
  /** Aborted when the connection is over. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly bytes: Uint8Array;
  /** On the clock of `performance.now()`. */
  readonly dueAtMs: number;
}

/** One direction of one connection: chunks in the order in which they arrived, held back, paced, and never piled up. */
export class Line {
  readonly #parts: LineParts;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #ended = false;
  #changed = Promise.withResolvers<undefined>();

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Resolves when the source has ended and everything is delivered; rejects when either side broke. */
  async run(): Promise<void> {
    await Promise.all([this.#take(), this.#deliver()]);
    await this.#parts.untilOpen();
    this.#parts.sink.end();
  }

  async #take(): Promise<void> {
    const { source, mangle, delayOfNext, signal } = this.#parts;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      const dueAtMs = performance.now() + delayOfNext();
      for (const bytes of mangle(chunk)) {
        this.#held.push({ bytes, dueAtMs });
        this.#heldBytes += bytes.length;
      }
      this.#signalChange();
      while (this.#heldBytes >= MAX_HELD_BYTES && !signal.aborted) await this.#changed.promise;
    }
    this.#ended = true;
    this.#signalChange();
  }

  async #deliver(): Promise<void> {
    const { untilOpen, signal } = this.#parts;
    for (;;) {
      const [next] = this.#held;
      if (next === undefined) {
        if (this.#ended) return;
        await this.#changed.promise;
        continue;
      }
      const waitMs = next.dueAtMs - performance.now();
      if (waitMs > 0) await pause(waitMs, undefined, { signal });
      for (const piece of this.#pieces(next.bytes)) {
        await untilOpen();
        await this.#write(piece);
      }
      this.#held.shift();
      this.#heldBytes -= next.bytes.length;
      this.#signalChange();
    }
  }

  *#pieces(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const rate = this.#parts.bytesPerSecond();
      const size = rate === null ? bytes.length : Math.max(1, Math.floor(rate / PIECES_PER_SECOND));
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }

  async #write(piece: Uint8Array): Promise<void> {
    const { sink, bytesPerSecond, onForwarded, signal } = this.#parts;
    const rate = bytesPerSecond();
    if (rate !== null) await pause((piece.length / rate) * 1000, undefined, { signal });
    await new Promise<void>((resolve, reject) => {
      sink.write(piece, (fault) => {
        if (fault instanceof Error) reject(fault);
        else resolve();
      });
    });
    onForwarded(piece.length);
  }

  #signalChange(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
