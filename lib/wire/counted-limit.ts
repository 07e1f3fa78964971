import { RateLimit, type Rate } from './rate-limit.ts';

/** For what strangers can cause as often as they like and somebody has to write down: most is only counted. */
export class CountedLimit {
  readonly #limit: RateLimit;
  #held = 0;

  constructor(rate: Rate, nowMs?: () => number) {
    this.#limit = new RateLimit(rate, nowMs);
  }

  /** How many were held back since the last one that passed; null: this one is held back too. */
  take(): number | null {
    if (!this.#limit.take()) {
      this.#held += 1;
      return null;
    }
    const held = this.#held;
    this.#held = 0;
    return held;
  }
}
