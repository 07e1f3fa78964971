/** How often something may happen: `count` times at once, and as many again spread over each `windowMs`. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

interface Bucket {
  left: number;
  filledAt: number;
}

/** Buckets that are looked through for full ones (which say nothing) before another is made. */
const SWEEP_AT = 2048;

/** One token bucket for each key. Memory: one entry for each key that was used within the last `windowMs`. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `nowMs`: a clock that never goes back. */
  constructor(rate: Rate, nowMs: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** True, and counted, when `key` may do it once more now. */
  take(key = ''): boolean {
    const bucket = this.#bucketOf(key);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  #bucketOf(key: string): Bucket {
    const now = this.#nowMs();
    const known = this.#buckets.get(key);
    if (known !== undefined) {
      known.left = this.#filled(known, now);
      known.filledAt = now;
      return known;
    }
    if (this.#buckets.size >= SWEEP_AT) this.#sweep(now);
    const fresh = { left: this.#rate.count, filledAt: now };
    this.#buckets.set(key, fresh);
    return fresh;
  }

  #filled({ left, filledAt }: Bucket, now: number): number {
    const { count, windowMs } = this.#rate;
    return Math.min(count, left + ((now - filledAt) / windowMs) * count);
  }

  #sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (this.#filled(bucket, now) >= this.#rate.count) this.#buckets.delete(key);
    }
  }
}
