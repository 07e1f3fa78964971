import { refusal, type Refusal } from '../core/errors.ts';
import { err, type Result } from '../core/result.ts';
import type { ChannelClock } from './clock.ts';
import { decodeChallenge, type Challenge } from './sealed-messages.ts';

/** Decides which of the peer's challenges are answered: in order, one at a time, and not so often that quotes run out. */
export class Responder {
  readonly #clock: ChannelClock;
  readonly #intervalMs: number;
  #next = 1;
  #busy = false;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, intervalMs }: { clock: ChannelClock; intervalMs: number }) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Total. E-MESSAGE-INVALID, or E-CHANNEL-STATE for a wrong number, a second challenge at once, or one too soon. */
  begin(message: Uint8Array): Result<Challenge, Refusal> {
    const decoded = decodeChallenge(message);
    if (!decoded.ok) return decoded;
    if (this.#busy) return err(refusal('E-CHANNEL-STATE', 'a challenge while another is being answered'));
    if (decoded.value.attestationSequence !== this.#next) {
      const compared = { got: `${decoded.value.attestationSequence}`, want: `${this.#next}` };
      return err(refusal('E-CHANNEL-STATE', 'attestation number of a challenge', compared));
    }
    // Clocks of the two sides may run apart a little; half an interval never is a little.
    const now = this.#clock.monotonicMs();
    if (now - this.#lastMs < this.#intervalMs / 2) {
      return err(refusal('E-CHANNEL-STATE', 'a challenge long before its time'));
    }
    this.#busy = true;
    this.#lastMs = now;
    return decoded;
  }

  /** The answer to the challenge begun last was handed to the transport. */
  done(): void {
    this.#busy = false;
    this.#next += 1;
  }
}
