import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Role } from '../attestation/claims.ts';
import { concatBytes, u64be } from '../core/bytes.ts';
import { encodeCbor } from '../core/cbor.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

export const MAX_FRAME_BYTES = 1 << 20;
/**
 * Frames under one key. RFC 8446 §5.5 keeps AES-GCM below 2^24.5 records of 2^10 blocks; 2^18 frames of at most
 * 2^16 blocks stay below that.
 */
export const MAX_FRAMES_PER_KEY = 2 ** 18;

const TAG_BYTES = 16;
const SEQUENCE_AT = 1;
const HEADER_BYTES = 9;
export const FRAME_OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;

const TYPE_CODES = { evidence: 1, confirm: 2, application: 3, challenge: 4, refuse: 5, final: 6 } as const;
export type FrameType = keyof typeof TYPE_CODES;
const TYPES = new Map<number, FrameType>(
  Object.entries(TYPE_CODES).map(([name, code]) => [code, name as FrameType] as const),
);

export interface OpenedFrame {
  readonly type: FrameType;
  readonly plaintext: Uint8Array;
}

export interface FrameKey {
  /** 32 bytes, AES-256. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly sessionId: Uint8Array;
  /** Who seals with this key. */
  readonly direction: Role;
  /** Frames it may seal; 2^18 unless given. */
  readonly maxFrames?: number;
}

/**
 * Seals frames of one direction (PROTOCOL §4.2): `type (1) || frame_seq (8) || ciphertext || tag (16)`, AES-256-GCM,
 * nonce `0³² || u64be(frame_seq)`, AAD = deterministic CBOR of session id, direction, frame_seq and type.
 */
export class FrameSealer {
  readonly #frameKey: FrameKey;
  #sequence = 0;

  constructor(frameKey: FrameKey) {
    this.#frameKey = frameKey;
  }

  /** E-CHANNEL-EXPIRED when the key has sealed all the frames it may, E-CHANNEL-SIZE beyond 1 MiB. */
  seal(type: FrameType, plaintext: Uint8Array): Result<Uint8Array, Refusal> {
    if (this.#sequence >= (this.#frameKey.maxFrames ?? MAX_FRAMES_PER_KEY))
      return err(refusal('E-CHANNEL-EXPIRED', 'frames per key'));
    if (plaintext.length + FRAME_OVERHEAD_BYTES > MAX_FRAME_BYTES) return err(refusal('E-CHANNEL-SIZE', 'frame'));
    const sequence = this.#sequence++;
    const cipher = createCipheriv('aes-256-gcm', this.#frameKey.key, frameNonce(sequence), {
      authTagLength: TAG_BYTES,
    });
    cipher.setAAD(additionalData(this.#frameKey, sequence, type));
    const header = concatBytes(Uint8Array.of(TYPE_CODES[type]), u64be(sequence));
    return ok(concatBytes(header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()));
  }
}

/** Opens the frames of one direction, strictly in order. After one failure it opens nothing any more. */
export class FrameOpener {
  readonly #frameKey: FrameKey;
  #sequence = 0;
  #broken = false;

  constructor(frameKey: FrameKey) {
    this.#frameKey = frameKey;
  }

  /** Total. E-CHANNEL-FRAME: altered, missing, repeated or out of order; E-CHANNEL-SIZE: larger than 1 MiB. */
  open(frame: Uint8Array): Result<OpenedFrame, Refusal> {
    if (this.#broken) return err(refusal('E-CHANNEL-FRAME', 'an earlier frame failed'));
    const opened = this.#open(frame);
    if (opened.ok) this.#sequence += 1;
    else this.#broken = true;
    return opened;
  }

  #open(frame: Uint8Array): Result<OpenedFrame, Refusal> {
    if (frame.length > MAX_FRAME_BYTES) return err(refusal('E-CHANNEL-SIZE', 'frame'));
    if (frame.length < FRAME_OVERHEAD_BYTES) return err(refusal('E-CHANNEL-FRAME', 'shorter than an empty frame'));
    if (this.#sequence >= (this.#frameKey.maxFrames ?? MAX_FRAMES_PER_KEY))
      return err(refusal('E-CHANNEL-EXPIRED', 'frames per key'));
    const type = TYPES.get(frame[0] ?? 0);
    if (type === undefined) return err(refusal('E-CHANNEL-FRAME', 'unknown type'));
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const sequence = view.getBigUint64(SEQUENCE_AT);
    if (sequence !== BigInt(this.#sequence)) {
      const compared = { got: sequence.toString(), want: this.#sequence.toString() };
      return err(refusal('E-CHANNEL-FRAME', 'frame number', compared));
    }
    const plaintext = this.#decrypt(frame, type);
    return plaintext === null ? err(refusal('E-CHANNEL-FRAME', 'authentication tag')) : ok({ type, plaintext });
  }

  #decrypt(frame: Uint8Array, type: FrameType): Uint8Array | null {
    const decipher = createDecipheriv('aes-256-gcm', this.#frameKey.key, frameNonce(this.#sequence), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(additionalData(this.#frameKey, this.#sequence, type));
    decipher.setAuthTag(frame.subarray(frame.length - TAG_BYTES));
    const plaintext = decipher.update(frame.subarray(HEADER_BYTES, frame.length - TAG_BYTES));
    try {
      decipher.final();
      return new Uint8Array(plaintext);
    } catch {
      return null;
    }
  }
}

const frameNonce = (sequence: number): Uint8Array => concatBytes(new Uint8Array(4), u64be(sequence));

const additionalData = ({ sessionId, direction }: FrameKey, sequence: number, type: FrameType): Uint8Array =>
  encodeCbor({ sessionId, direction, sequence, type });
