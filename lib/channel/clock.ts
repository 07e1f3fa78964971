import { instant, type Instant } from '../core/ids.ts';

export interface ChannelClock {
  /** Wall time, for the validity of certificates; may stand still or jump. */
  now(): Instant;
  /** Milliseconds since some fixed moment; never goes back and never stands still: ages are measured with it. */
  monotonicMs(): number;
  /** Calls `run` once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: ChannelClock = {
  now: () => instant(Date.now()),
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};
