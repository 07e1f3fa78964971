import { Malformed } from './malformed.ts';

/** What the reader gives; byte strings are views into the input. */
export type StrictCbor =
  null | boolean | number | string | Uint8Array | readonly StrictCbor[] | ReadonlyMap<string | number, StrictCbor>;

export interface StrictCborLimits {
  /** Nested arrays and maps. */
  readonly maxDepth: number;
  /** Items of the whole document, keys included. */
  readonly maxItems: number;
  /** A tag that may stand before the outermost item; every other tag is refused. */
  readonly optionalTag?: number;
  /** The outermost item may be a map of indefinite length (RFC 8949 §3.2.2), as the Nitro module writes its payload. */
  readonly indefiniteMap?: true;
}

/** `Array.isArray` that keeps the items' type. */
export const isCborArray = (value: StrictCbor | undefined): value is readonly StrictCbor[] => Array.isArray(value);

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;
const INDEFINITE = 31;
const BREAK = 0xff;

/**
 * The one item that `bytes` is: integers within ±(2^53 − 1), byte and text strings, arrays, maps with integer or text
 * keys, true, false, null (RFC 8949). Lengths and integers must be written in the fewest bytes, no key may stand twice,
 * nothing may follow; the order of keys is free. Floats, `undefined` and tags are refused. Throws Malformed.
 */
export function readCbor(bytes: Uint8Array, limits: StrictCborLimits): StrictCbor {
  const reader = new Reader(bytes, limits);
  const value = reader.outermost();
  if (reader.offset !== bytes.length) {
    throw new Malformed(`${bytes.length - reader.offset} bytes after the CBOR item`, reader.offset);
  }
  return value;
}

class Reader {
  offset = 0;
  #items = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: StrictCborLimits;

  constructor(bytes: Uint8Array, limits: StrictCborLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  outermost(): StrictCbor {
    const { optionalTag, indefiniteMap } = this.#limits;
    const first = this.#bytes[0];
    if (indefiniteMap === true && first === ((MAJOR.map << 5) | INDEFINITE)) {
      this.#take(1);
      return this.#map(null, 1);
    }
    if (optionalTag !== undefined && first !== undefined && first >> 5 === MAJOR.tag) {
      if (this.#argument(this.#view.getUint8(this.#take(1)) & 0x1f) !== optionalTag) this.#stop('another CBOR tag');
    }
    return this.#value(0);
  }

  #value(depth: number): StrictCbor {
    this.#items += 1;
    if (this.#items > this.#limits.maxItems) this.#stop('too many CBOR items');
    const first = this.#view.getUint8(this.#take(1));
    const major = first >> 5;
    const info = first & 0x1f;
    switch (major) {
      case MAJOR.unsigned:
        return this.#argument(info);
      case MAJOR.negative:
        return this.#negative(info);
      case MAJOR.bytes:
        return this.#string(info);
      case MAJOR.text:
        return this.#text(this.#string(info));
      case MAJOR.array:
        return this.#array(this.#argument(info), depth + 1);
      case MAJOR.map:
        return this.#map(this.#argument(info), depth + 1);
      case MAJOR.simple:
        if (info === 20 || info === 21) return info === 21;
        if (info === 22) return null;
        return this.#stop('a CBOR float or simple value');
      default:
        return this.#stop('a CBOR tag');
    }
  }

  #negative(info: number): number {
    const value = -1 - this.#argument(info);
    return Number.isSafeInteger(value) ? value : this.#stop('a CBOR integer below -2^53');
  }

  #string(info: number): Uint8Array {
    const length = this.#argument(info);
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #text(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.#stop('a CBOR text is not UTF-8');
    }
  }

  #array(length: number, depth: number): StrictCbor[] {
    this.#nest(length, depth);
    const out: StrictCbor[] = [];
    while (out.length < length) out.push(this.#value(depth));
    return out;
  }

  /** `length` null: up to the break. */
  #map(length: number | null, depth: number): Map<string | number, StrictCbor> {
    this.#nest(length ?? 0, depth);
    const out = new Map<string | number, StrictCbor>();
    for (; length === null ? this.#bytes[this.offset] !== BREAK : out.size < length;) {
      const key = this.#value(depth);
      if (typeof key !== 'string' && typeof key !== 'number') this.#stop('a CBOR key is neither text nor integer');
      else if (out.has(key)) this.#stop('a CBOR key stands twice');
      else out.set(key, this.#value(depth));
    }
    if (length === null) this.#take(1);
    return out;
  }

  /** Every item takes at least one byte, so a count beyond the bytes left is refused before anything is allocated. */
  #nest(length: number, depth: number): void {
    if (depth > this.#limits.maxDepth) this.#stop('CBOR nested too deep');
    if (length > this.#bytes.length - this.offset) this.#stop('CBOR cut short');
  }

  #argument(info: number): number {
    if (info < 24) return info;
    if (info === 24) return this.#atLeast(24, this.#view.getUint8(this.#take(1)));
    if (info === 25) return this.#atLeast(0x100, this.#view.getUint16(this.#take(2)));
    if (info === 26) return this.#atLeast(0x1_0000, this.#view.getUint32(this.#take(4)));
    if (info !== 27) return this.#stop('a CBOR length is indefinite or reserved');
    const wide = this.#view.getBigUint64(this.#take(8));
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) this.#stop('a CBOR number above 2^53');
    return this.#atLeast(0x1_0000_0000, Number(wide));
  }

  #atLeast(least: number, value: number): number {
    return value >= least ? value : this.#stop('a CBOR number is not in its shortest form');
  }

  #take(length: number): number {
    const start = this.offset;
    if (length > this.#bytes.length - start) this.#stop('CBOR cut short');
    this.offset = start + length;
    return start;
  }

  #stop(what: string): never {
    throw new Malformed(what, this.offset);
  }
}
