import { Malformed } from './malformed.ts';

/** Universal tags (ITU-T X.690 §8, X.680 §8.4), constructed bit included where DER demands it. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8: 0x0c,
  printable: 0x13,
  ia5: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const MAX_DEPTH = 24;
const MAX_CHILDREN = 100_000;
const TEXT_TAGS: readonly number[] = [TAG.utf8, TAG.printable, TAG.ia5];
const UTC_TIME = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** Context-specific tag `[number]`, 0 to 30. */
export const contextTag = (number: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) | number;

/**
 * One DER element (ITU-T X.690 §10): definite lengths in the fewest bytes, tag numbers below 31. Readers throw
 * Malformed, so use them inside `total`. Children are found when asked for; `bytes` and `content` are views.
 */
export class Der {
  readonly tag: number;
  /** Tag, length and content, as received: what signatures and digests are over. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
  /** Offset of `bytes` in the whole input. */
  readonly offset: number;
  readonly #depth: number;

  private constructor(tag: number, bytes: Uint8Array, headerBytes: number, offset: number, depth: number) {
    this.tag = tag;
    this.bytes = bytes;
    this.content = bytes.subarray(headerBytes);
    this.offset = offset;
    this.#depth = depth;
  }

  /** The one element that `input` is; nothing may follow it. */
  static read(input: Uint8Array): Der {
    const element = Der.#at(input, 0, 0, 0);
    if (element.bytes.length !== input.length) {
      throw new Malformed(`${input.length - element.bytes.length} bytes after the DER element`, element.bytes.length);
    }
    return element;
  }

  /** The element at the start of `input`, whatever follows it. */
  static readFirst(input: Uint8Array): Der {
    return Der.#at(input, 0, 0, 0);
  }

  static #at(input: Uint8Array, start: number, base: number, depth: number): Der {
    if (depth > MAX_DEPTH) throw new Malformed('DER nested too deep', base + start);
    const tag = input[start];
    const first = input[start + 1];
    if (tag === undefined || first === undefined) throw new Malformed('DER element cut short', base + start);
    if ((tag & 0x1f) === 0x1f) throw new Malformed('DER tag number above 30', base + start);
    let length = first;
    let header = 2;
    if (first >= 0x80) {
      const digits = first & 0x7f;
      if (digits === 0 || digits > 4) throw new Malformed('DER length is indefinite or too large', base + start);
      length = 0;
      for (let i = 0; i < digits; i++) {
        const digit = input[start + 2 + i];
        if (digit === undefined) throw new Malformed('DER length cut short', base + start);
        if (i === 0 && digit === 0) throw new Malformed('DER length is not minimal', base + start);
        length = length * 256 + digit;
      }
      if (length < 0x80) throw new Malformed('DER length is not minimal', base + start);
      header += digits;
    }
    const end = start + header + length;
    if (end > input.length) throw new Malformed('DER element cut short', base + start);
    return new Der(tag, input.subarray(start, end), header, base + start, depth);
  }

  /** Demands a tag; returns itself. */
  expect(tag: number, what: string): this {
    if (this.tag !== tag) throw new Malformed(`${what} has another DER type`, this.offset);
    return this;
  }

  /** The elements inside a constructed one, in order. */
  children(): Der[] {
    if ((this.tag & 0x20) === 0) throw new Malformed('DER element is not constructed', this.offset);
    const found: Der[] = [];
    const base = this.offset + this.bytes.length - this.content.length;
    for (let at = 0; at < this.content.length;) {
      if (found.length === MAX_CHILDREN) throw new Malformed('DER element holds too many others', this.offset);
      const child = Der.#at(this.content, at, base, this.#depth + 1);
      found.push(child);
      at += child.bytes.length;
    }
    return found;
  }

  sequence(what: string): DerSequence {
    return new DerSequence(this.expect(TAG.sequence, what).children(), what, this.offset);
  }

  /** Dotted form. */
  oid(what: string): string {
    const { content } = this.expect(TAG.oid, what);
    if (content.length === 0 || content.length > 64)
      throw new Malformed(`${what} is no object identifier`, this.offset);
    const arcs: number[] = [];
    let arc = 0;
    let inside = false;
    for (const byte of content) {
      if (!inside && byte === 0x80) throw new Malformed(`${what} is not minimal`, this.offset);
      arc = arc * 128 + (byte & 0x7f);
      if (arc > 0xffff_ffff) throw new Malformed(`${what} has a part above 2^32`, this.offset);
      inside = (byte & 0x80) !== 0;
      if (inside) continue;
      arcs.push(arc);
      arc = 0;
    }
    if (inside) throw new Malformed(`${what} is cut short`, this.offset);
    const [head = 0, ...rest] = arcs;
    const first = Math.min(2, Math.floor(head / 40));
    return [first, head - 40 * first, ...rest].join('.');
  }

  /** Two's complement, most significant byte first, in the fewest bytes. */
  integerBytes(what: string, tag: number = TAG.integer): Uint8Array {
    const { content } = this.expect(tag, what);
    const [first, second] = content;
    if (first === undefined) throw new Malformed(`${what} is empty`, this.offset);
    const redundant = second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (redundant) throw new Malformed(`${what} is not minimal`, this.offset);
    return content;
  }

  /** 0 to 2^48 − 1. */
  smallInteger(what: string, tag: number = TAG.integer): number {
    const bytes = this.integerBytes(what, tag);
    if (bytes.length > 6 || (bytes[0] ?? 0) >= 0x80)
      throw new Malformed(`${what} is negative or too large`, this.offset);
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  boolean(what: string): boolean {
    const { content } = this.expect(TAG.boolean, what);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
      throw new Malformed(`${what} is neither true nor false`, this.offset);
    }
    return content[0] === 0xff;
  }

  octets(what: string): Uint8Array {
    return this.expect(TAG.octetString, what).content;
  }

  /** A bit string of whole bytes. */
  bits(what: string): Uint8Array {
    const { content } = this.expect(TAG.bitString, what);
    if (content[0] !== 0) throw new Malformed(`${what} is not of whole bytes`, this.offset);
    return content.subarray(1);
  }

  /** Positions of the set bits of a named bit list (X.680 §22.7), 0 first; trailing zero bits must be cut off. */
  namedBits(what: string): ReadonlySet<number> {
    const { content } = this.expect(TAG.bitString, what);
    const unused = content[0];
    if (unused === undefined || unused > 7 || content.length > 5 || (content.length === 1 && unused !== 0)) {
      throw new Malformed(`${what} is no list of bits`, this.offset);
    }
    const set = new Set<number>();
    content.subarray(1).forEach((byte, index) => {
      for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) set.add(8 * index + bit);
    });
    const last = 8 * (content.length - 1) - unused - 1;
    if ([...set].some((bit) => bit > last)) throw new Malformed(`${what} has unused bits that are set`, this.offset);
    return set;
  }

  /** UTF-8, printable or IA5 text. */
  text(what: string): string {
    if (!TEXT_TAGS.includes(this.tag)) throw new Malformed(`${what} is no text`, this.offset);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.content);
    } catch {
      throw new Malformed(`${what} is not UTF-8`, this.offset);
    }
  }

  /** Milliseconds since 1970 of a UTCTime or GeneralizedTime, as RFC 5280 §4.1.2.5 restricts them. */
  time(what: string): number {
    const utc = this.tag === TAG.utcTime;
    if (!utc) this.expect(TAG.generalizedTime, what);
    const match = (utc ? UTC_TIME : GENERALIZED_TIME).exec(String.fromCharCode(...this.content.subarray(0, 16)));
    const [year = NaN, month = NaN, day = NaN, hour = NaN, minute = NaN, second = NaN] = (match ?? [])
      .slice(1)
      .map(Number);
    const fullYear = utc ? year + (year < 50 ? 2000 : 1900) : year;
    const moment = new Date(Date.UTC(fullYear, month - 1, day, hour, minute, second));
    // A month or day that does not exist would have become another date, and a year below 100 one of our own time.
    const exists = moment.getUTCDate() === day && moment.getUTCMonth() === month - 1 && hour < 24;
    if (!exists || minute > 59 || second > 59 || fullYear < 100) throw new Malformed(`${what} is no time`, this.offset);
    return moment.getTime();
  }
}

/** The elements of a SEQUENCE, read in order; throws Malformed like Der. */
export class DerSequence {
  readonly #items: readonly Der[];
  readonly #what: string;
  readonly #offset: number;
  #next = 0;

  constructor(items: readonly Der[], what: string, offset: number) {
    this.#items = items;
    this.#what = what;
    this.#offset = offset;
  }

  next(what: string): Der {
    const item = this.#items[this.#next];
    if (item === undefined) throw new Malformed(`${this.#what} lacks ${what}`, this.#offset);
    this.#next += 1;
    return item;
  }

  /** The next element if it has this tag, else null and nothing is consumed. */
  optional(tag: number): Der | null {
    const item = this.#items[this.#next];
    if (item?.tag !== tag) return null;
    this.#next += 1;
    return item;
  }

  end(): void {
    if (this.#next !== this.#items.length) throw new Malformed(`${this.#what} has too many parts`, this.#offset);
  }
}
