const FIRST_CAPACITY = 256;

/** Bytes appended one piece after the other; the buffer doubles, so that a document of n bytes costs O(n). */
export class ByteWriter {
  #buffer = new Uint8Array(FIRST_CAPACITY);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  /** `value`: an integer from 0 to 2^53 − 1. */
  u64(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value));
  }

  f32(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value);
  }

  f64(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #grow(added: number): number {
    const at = this.#length;
    this.#length += added;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
