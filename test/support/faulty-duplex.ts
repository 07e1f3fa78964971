import type { FrameDuplex } from '../../lib/channel/duplex.ts';

/** What a network does to one frame. */
export type FrameFault = 'drop' | 'duplicate' | 'reorder' | 'delay' | 'cut';

/** One fault on one line; it strikes once, however often the line is laid anew. */
export class FrameFaults {
  readonly #fault: FrameFault;
  readonly #at: number;
  #sent = 0;

  /** `at`: the frame that suffers, counted from 0 over all sessions. */
  constructor(fault: FrameFault, at: number) {
    this.#fault = fault;
    this.#at = at;
  }

  get struck(): boolean {
    return this.#sent > this.#at;
  }

  /** The end of a line whose outgoing frames suffer. */
  wrap(inner: FrameDuplex): FrameDuplex {
    let held: Uint8Array | null = null;
    let late: Promise<void> = Promise.resolve();
    return {
      next: () => inner.next(),
      close: (reason) => {
        inner.close(reason);
      },
      send: async (frame) => {
        await late;
        this.#sent += 1;
        if (this.#sent - 1 !== this.#at) {
          await inner.send(frame);
          if (held !== null) await inner.send(held);
          held = null;
          return;
        }
        switch (this.#fault) {
          case 'drop':
            return;
          case 'duplicate':
            await inner.send(frame);
            await inner.send(frame);
            return;
          case 'reorder':
            held = frame;
            return;
          case 'delay': {
            const copy = frame.slice();
            late = new Promise((resolve) => setTimeout(resolve, DELAY_MS)).then(() => inner.send(copy));
            late.catch(() => undefined);
            return;
          }
          case 'cut':
            inner.close();
            throw new Error('the line was cut');
        }
      },
    };
  }
}

const DELAY_MS = 50;
