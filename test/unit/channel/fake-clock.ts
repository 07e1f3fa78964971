import { instant, type Instant } from '../../../lib/core/ids.ts';
import type { ChannelClock } from '../../../lib/channel/clock.ts';

const START = Date.UTC(2026, 0, 1);

/** Time that moves only when a test says so; due timers run in order. */
export class FakeClock implements ChannelClock {
  readonly #start: number;
  #elapsedMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(start = START) {
    this.#start = start;
  }

  now(): Instant {
    return instant(this.#start + this.#elapsedMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#elapsedMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Lets time pass in small steps, with everything that follows from it. */
  async advance(ms: number, stepMs = 1000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.skip(Math.min(stepMs, left));
      this.#runDue();
      await settle();
    }
  }

  /** Time passes without any timer having its turn, as when a machine was suspended. */
  skip(ms: number): void {
    this.#elapsedMs += ms;
  }

  #runDue(): void {
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#elapsedMs).sort((a, b) => a.atMs - b.atMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
  }
}

const SETTLE_ROUNDS = 16;

/**
 * Until everything that can happen without time passing has happened. WebCrypto answers from a thread pool, first come
 * first served: an operation of our own that has come back means that those before it have, however busy the machine.
 */
export async function settle(): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round++) {
    await crypto.subtle.digest('SHA-256', new Uint8Array());
    await new Promise((resolve) => setImmediate(resolve));
  }
}
