import { ByteWriter } from './byte-writer.ts';
import { bytesEqual, compareBytes, utf8 } from './bytes.ts';
import { err, ok, type Result } from './result.ts';

/**
 * What deterministic CBOR can carry here: a profile of RFC 8949 §4.2.1. Maps have text keys. A number with an
 * integral value in ±(2^53 − 1) is always an integer on the wire; every other number is the shortest float that
 * holds it. NaN and infinities do not exist.
 */
export type CborValue =
  null | boolean | number | string | Uint8Array | readonly CborValue[] | { readonly [key: string]: CborValue };

export interface CborLimits {
  /** Bytes of the whole document; larger input is refused before it is read. */
  readonly maxBytes: number;
  /** Nested arrays and maps. */
  readonly maxDepth: number;
}

export interface CborFailure {
  readonly reason: 'too-large' | 'too-deep' | 'truncated' | 'trailing-bytes' | 'unsupported' | 'not-deterministic';
  /** Byte offset at which decoding stopped. */
  readonly offset: number;
}

export const DEFAULT_CBOR_LIMITS: CborLimits = { maxBytes: 1 << 20, maxDepth: 16 };

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;

/**
 * Items of one document, keys included: more are refused as too large. An item costs its sender one byte and its
 * reader dozens, so that a bound on bytes alone would let 64 MiB of empty arrays take gigabytes.
 */
export const MAX_CBOR_ITEMS = 1 << 20;

/** Encodes deterministically. Throws on what the profile cannot carry (NaN, an infinity): that is a caller's bug. */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new ByteWriter();
  write(writer, value);
  return writer.finish();
}

function write(writer: ByteWriter, value: CborValue): void {
  if (value === null) writer.u8(0xf6);
  else if (typeof value === 'boolean') writer.u8(value ? 0xf5 : 0xf4);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'string') writeText(writer, value);
  else if (value instanceof Uint8Array) {
    writeHead(writer, MAJOR.bytes, value.length);
    writer.append(value);
  } else if (isArray(value)) {
    writeHead(writer, MAJOR.array, value.length);
    for (const item of value) write(writer, item);
  } else writeMap(writer, value);
}

function writeText(writer: ByteWriter, text: string): void {
  if (!text.isWellFormed()) throw new RangeError('CBOR text must be well-formed Unicode');
  const bytes = utf8(text);
  writeHead(writer, MAJOR.text, bytes.length);
  writer.append(bytes);
}

/** Encoded keys of documents: a few hundred names, met thousands of times. */
const ENCODED_KEYS = new Map<string, Uint8Array>();
const MOST_KEPT_KEYS = 1024;
const LONGEST_KEPT_KEY = 64;

function encodedKey(key: string): Uint8Array {
  const known = ENCODED_KEYS.get(key);
  if (known !== undefined) return known;
  const encoded = encodeCbor(key);
  if (key.length <= LONGEST_KEPT_KEY && ENCODED_KEYS.size < MOST_KEPT_KEYS) ENCODED_KEYS.set(key, encoded);
  return encoded;
}

function writeMap(writer: ByteWriter, map: Readonly<Record<string, CborValue>>): void {
  const entries = Object.entries(map)
    .map(([key, item]) => ({ key: encodedKey(key), item }))
    .sort((a, b) => compareBytes(a.key, b.key));
  writeHead(writer, MAJOR.map, entries.length);
  for (const { key, item } of entries) {
    writer.append(key);
    write(writer, item);
  }
}

/**
 * Decodes and then encodes again; input that differs from its own deterministic encoding is refused
 * (PROTOCOL §2.1). Total: hostile bytes give a failure, never a throw.
 */
export function decodeCbor(
  bytes: Uint8Array,
  limits: CborLimits = DEFAULT_CBOR_LIMITS,
): Result<CborValue, CborFailure> {
  if (bytes.length > limits.maxBytes) return err({ reason: 'too-large', offset: 0 });
  const reader = new Reader(bytes, limits.maxDepth);
  try {
    const value = reader.value(0);
    if (reader.offset !== bytes.length) return err({ reason: 'trailing-bytes', offset: reader.offset });
    if (!bytesEqual(encodeCbor(value), bytes)) return err({ reason: 'not-deterministic', offset: 0 });
    return ok(value);
  } catch (fault) {
    if (fault instanceof Stop) return err({ reason: fault.reason, offset: reader.offset });
    throw fault;
  }
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function writeHead(writer: ByteWriter, major: number, argument: number): void {
  const top = major << 5;
  if (argument < 24) writer.u8(top | argument);
  else if (argument < 0x100) writer.u16(((top | 24) << 8) | argument);
  else if (argument < 0x1_0000) {
    writer.u8(top | 25);
    writer.u16(argument);
  } else if (argument < 0x1_0000_0000) {
    writer.u8(top | 26);
    writer.u32(argument);
  } else {
    writer.u8(top | 27);
    writer.u64(argument);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0) writeHead(writer, MAJOR.unsigned, value);
    else writeHead(writer, MAJOR.negative, -1 - value);
    return;
  }
  if (!Number.isFinite(value)) throw new RangeError('CBOR numbers must be finite');
  const half = toHalf(value);
  if (half !== null) {
    writer.u8(0xf9);
    writer.u16(half);
  } else if (Math.fround(value) === value) {
    writer.u8(0xfa);
    writer.f32(value);
  } else {
    writer.u8(0xfb);
    writer.f64(value);
  }
}

/** The 16-bit pattern of `value`, or null where binary16 does not hold it exactly. */
function toHalf(value: number): number | null {
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude > 65504) return null;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const scaled = magnitude / 2 ** (exponent - 10);
  if (!Number.isInteger(scaled) || scaled > 0x7ff) return null;
  if (scaled < 0x400) return sign | scaled;
  return sign | ((exponent + 15) << 10) | (scaled & 0x3ff);
}

function fromHalf(pattern: number): number {
  const sign = (pattern & 0x8000) === 0 ? 1 : -1;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return Number.NaN;
  return sign * (0x400 | fraction) * 2 ** (exponent - 25);
}

class Stop extends Error {
  readonly reason: CborFailure['reason'];
  constructor(reason: CborFailure['reason']) {
    super(reason);
    this.reason = reason;
  }
}

class Reader {
  offset = 0;
  #items = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #maxDepth: number;

  constructor(bytes: Uint8Array, maxDepth: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#maxDepth = maxDepth;
  }

  value(depth: number): CborValue {
    this.#items += 1;
    if (this.#items > MAX_CBOR_ITEMS) throw new Stop('too-large');
    const first = this.#view.getUint8(this.#take(1));
    const major = first >> 5;
    const info = first & 0x1f;
    switch (major) {
      case MAJOR.unsigned:
        return this.#argument(info);
      case MAJOR.negative: {
        const value = -1 - this.#argument(info);
        if (!Number.isSafeInteger(value)) throw new Stop('unsupported');
        return value;
      }
      case MAJOR.bytes: {
        const length = this.#argument(info);
        const start = this.#take(length);
        // Not `slice`: on a Buffer that is a view, and the document would change with its source.
        return new Uint8Array(this.#bytes.subarray(start, start + length));
      }
      case MAJOR.text:
        return this.#text(this.#argument(info));
      case MAJOR.array:
        return this.#array(this.#argument(info), depth + 1);
      case MAJOR.map:
        return this.#map(this.#argument(info), depth + 1);
      case MAJOR.simple:
        return this.#simple(info);
      default:
        throw new Stop('unsupported');
    }
  }

  #text(length: number): string {
    const start = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#bytes.subarray(start, start + length),
      );
    } catch {
      throw new Stop('unsupported');
    }
  }

  #array(length: number, depth: number): CborValue[] {
    this.#nest(length, depth);
    const out: CborValue[] = [];
    for (let i = 0; i < length; i++) out.push(this.value(depth));
    return out;
  }

  #map(length: number, depth: number): { readonly [key: string]: CborValue } {
    this.#nest(length, depth);
    // A null prototype: the key "__proto__" is data like any other.
    const out = Object.create(null) as Record<string, CborValue>;
    for (let i = 0; i < length; i++) {
      const key = this.value(depth);
      if (typeof key !== 'string' || key in out) throw new Stop('unsupported');
      out[key] = this.value(depth);
    }
    return out;
  }

  /** Every item takes at least one byte, so a count beyond the bytes left is refused before any allocation. */
  #nest(length: number, depth: number): void {
    if (depth > this.#maxDepth) throw new Stop('too-deep');
    if (length > this.#bytes.length - this.offset) throw new Stop('truncated');
  }

  #simple(info: number): CborValue {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    const number = this.#float(info);
    if (!Number.isFinite(number)) throw new Stop('unsupported');
    return number;
  }

  #float(info: number): number {
    if (info === 25) return fromHalf(this.#view.getUint16(this.#take(2)));
    if (info === 26) return this.#view.getFloat32(this.#take(4));
    if (info === 27) return this.#view.getFloat64(this.#take(8));
    throw new Stop('unsupported');
  }

  #argument(info: number): number {
    if (info < 24) return info;
    if (info === 24) return this.#view.getUint8(this.#take(1));
    if (info === 25) return this.#view.getUint16(this.#take(2));
    if (info === 26) return this.#view.getUint32(this.#take(4));
    if (info !== 27) throw new Stop('unsupported');
    const wide = this.#view.getBigUint64(this.#take(8));
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw new Stop('unsupported');
    return Number(wide);
  }

  #take(length: number): number {
    if (length > this.#bytes.length - this.offset) throw new Stop('truncated');
    const start = this.offset;
    this.offset += length;
    return start;
  }
}
