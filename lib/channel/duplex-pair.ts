import type { FrameDuplex } from './duplex.ts';

/** What a tap makes of one frame: any number of frames, in order, that go on in its place. */
export type Tap = (frame: Uint8Array) => readonly Uint8Array[];

class Direction {
  readonly #frames: Uint8Array[] = [];
  readonly #tap: Tap;
  #waiting: ((frame: Uint8Array | null) => void) | null = null;
  #ended = false;

  constructor(tap: Tap) {
    this.#tap = tap;
  }

  put(frame: Uint8Array): void {
    if (this.#ended) throw new Error('the duplex is closed');
    for (const passed of this.#tap(frame)) this.#deliver(passed);
  }

  take(): Promise<Uint8Array | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.(null);
    this.#waiting = null;
  }

  #deliver(frame: Uint8Array): void {
    const copy = frame.slice();
    if (this.#waiting === null) {
      this.#frames.push(copy);
      return;
    }
    const resolve = this.#waiting;
    this.#waiting = null;
    resolve(copy);
  }
}

const pass: Tap = (frame) => [frame];

/**
 * Two ends in one process. A frame that one end sends reaches the other after `taps` had it; frames already sent
 * are still delivered after a close.
 */
export function duplexPair(taps: { toEnclave?: Tap; toSite?: Tap } = {}): { site: FrameDuplex; enclave: FrameDuplex } {
  const toEnclave = new Direction(taps.toEnclave ?? pass);
  const toSite = new Direction(taps.toSite ?? pass);
  const end = (): void => {
    toEnclave.end();
    toSite.end();
  };
  const side = (out: Direction, into: Direction): FrameDuplex => ({
    send: async (frame) => {
      out.put(frame);
    },
    next: () => into.take(),
    close: end,
  });
  return { site: side(toEnclave, toSite), enclave: side(toSite, toEnclave) };
}
