import { concatBytes } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

/** Payload of every fragment but the last. Small enough that a challenge never waits long behind an upload. */
export const FRAGMENT_BYTES = 256 * 1024;
export const DEFAULT_MAX_MESSAGE_BYTES = 64 << 20;

const MORE = 0;
const LAST = 1;

/** Plaintexts of the application frames that carry `message`: one flag byte, then at most 256 KiB. Never none. */
export function* fragmentsOf(message: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; ; start += FRAGMENT_BYTES) {
    const rest = message.subarray(start);
    if (rest.length <= FRAGMENT_BYTES) {
      yield concatBytes(Uint8Array.of(LAST), rest);
      return;
    }
    yield concatBytes(Uint8Array.of(MORE), rest.subarray(0, FRAGMENT_BYTES));
  }
}

/**
 * Puts fragments together again. Memory stays below `maxBytes` and the number of pieces below maxBytes / 256 KiB:
 * every fragment but the last must be full.
 */
export class MessageAssembler {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True between the first and the last fragment of a message. */
  get isPartial(): boolean {
    return this.#parts.length > 0;
  }

  /** Null: more is to come. E-CHANNEL-SIZE beyond the limit, E-MESSAGE-INVALID for a malformed fragment. Total. */
  push(fragment: Uint8Array): Result<Uint8Array | null, Refusal> {
    const flag = fragment[0];
    const part = fragment.subarray(1);
    const wellFormed = flag === LAST ? part.length <= FRAGMENT_BYTES : flag === MORE && part.length === FRAGMENT_BYTES;
    if (!wellFormed) return err(refusal('E-MESSAGE-INVALID', 'fragment'));
    if (this.#size + part.length > this.#maxBytes) return err(refusal('E-CHANNEL-SIZE', 'application message'));
    this.#parts.push(part);
    this.#size += part.length;
    if (flag === MORE) return ok(null);
    const message = concatBytes(...this.#parts);
    this.#parts = [];
    this.#size = 0;
    return ok(message);
  }
}
