import { refusal, type Refusal } from '../core/errors.ts';
import type { ChannelClock } from './clock.ts';
import { NONCE_BYTES } from './handshake-messages.ts';
import type { Random } from './random.ts';
import type { Challenge } from './sealed-messages.ts';

/** PROTOCOL §4.3: a challenge is answered within this time. */
export const ANSWER_MS = 30_000;
/** PROTOCOL §4.6: evidence older than this many intervals is stale. */
const STALE_INTERVALS = 2;

export interface ChallengerOptions {
  readonly clock: ChannelClock;
  readonly random: Random;
  readonly intervalMs: number;
  /** Monotonic time at which the nonce of the accepted first evidence was drawn. */
  readonly askedAtMs: number;
  readonly send: (challenge: Challenge) => void;
  readonly onUnanswered: (refused: Refusal) => void;
}

/** A challenge and the monotonic time at which it was made. */
export interface AskedChallenge {
  readonly challenge: Challenge;
  readonly askedAtMs: number;
}

/** Asks the peer for fresh evidence every interval and knows how old the accepted evidence is (PROTOCOL §4.6). */
export class Challenger {
  readonly #options: ChallengerOptions;
  #outstanding: AskedChallenge | null = null;
  #askedAtMs: number;
  #sequence = 0;
  #cancel: () => void;

  constructor(options: ChallengerOptions) {
    this.#options = options;
    this.#askedAtMs = options.askedAtMs;
    this.#cancel = this.#schedule();
  }

  /** Age counts from the moment the nonce was drawn, which is never later than the evidence. */
  get isStale(): boolean {
    const { clock, intervalMs } = this.#options;
    return clock.monotonicMs() - this.#askedAtMs > STALE_INTERVALS * intervalMs;
  }

  /** The challenge that the evidence just received must answer; null when none is outstanding. Single use. */
  take(): AskedChallenge | null {
    const taken = this.#outstanding;
    if (taken === null) return null;
    this.#outstanding = null;
    this.#cancel();
    return taken;
  }

  /** The answer to the challenge last taken was accepted. */
  accepted({ challenge, askedAtMs }: AskedChallenge): void {
    this.#sequence = challenge.attestationSequence;
    this.#askedAtMs = askedAtMs;
    this.#cancel = this.#schedule();
  }

  stop(): void {
    this.#cancel();
    this.#outstanding = null;
  }

  #schedule(): () => void {
    const { clock, intervalMs } = this.#options;
    const elapsed = clock.monotonicMs() - this.#askedAtMs;
    return clock.after(Math.max(0, intervalMs - elapsed), () => {
      this.#ask();
    });
  }

  #ask(): void {
    const { clock, random, send, onUnanswered } = this.#options;
    const challenge = { attestationSequence: this.#sequence + 1, nonce: random(NONCE_BYTES) };
    this.#outstanding = { challenge, askedAtMs: clock.monotonicMs() };
    this.#cancel = clock.after(ANSWER_MS, () => {
      onUnanswered(refusal('E-CHANNEL-TIMEOUT', 'a challenge was not answered'));
    });
    send(challenge);
  }
}
