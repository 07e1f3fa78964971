import { Malformed } from './malformed.ts';

/**
 * Reads fixed layouts in order, for use inside `total`: every read past the end is Malformed. `take` gives views
 * into the input, never copies.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16le(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u16be(): number {
    return this.#view.getUint16(this.#advance(2), false);
  }

  u24le(): number {
    const at = this.#advance(3);
    return this.#view.getUint16(at, true) | (this.#view.getUint8(at + 2) << 16);
  }

  u32le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u32be(): number {
    return this.#view.getUint32(this.#advance(4), false);
  }

  u64le(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  u64be(): bigint {
    return this.#view.getBigUint64(this.#advance(8), false);
  }

  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Reserved bytes, which must be zero. */
  zeros(length: number, what: string): void {
    const start = this.#offset;
    if (this.take(length).some((byte) => byte !== 0)) throw new Malformed(`${what} is not zero`, start);
  }

  /** Everything that was not read yet. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  end(): void {
    if (this.left !== 0) throw new Malformed(`${this.left} bytes too many`, this.#offset);
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (!Number.isInteger(length) || length < 0 || length > this.left) throw new Malformed('cut short', start);
    this.#offset = start + length;
    return start;
  }
}
