import { fromHex } from '../../core/bytes.ts';
import { Malformed } from '../formats/malformed.ts';

/** Characters of one signed answer; Intel's stay below 16 KiB. */
const MAX_CHARACTERS = 512 * 1024;
const SIGNATURE = /^:\s?"([0-9a-fA-F]{128})"$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/;

/** An answer of Intel's provisioning service, taken apart but not verified. */
export interface SignedJson {
  /** The member's value exactly as received: this text is signed, not what it parses to. */
  readonly raw: string;
  /** ECDSA P-256, r then s. */
  readonly signature: Uint8Array;
  readonly value: JsonObject;
}

/** `{"<member>":<value>,"signature":"<hex>"}`; throws Malformed. */
export function readSignedJson(text: string, member: string): SignedJson {
  if (text.length > MAX_CHARACTERS) throw new Malformed('larger than 512 KiB');
  const start = `"${member}"`;
  const inside = between(text.trim(), '{', '}');
  if (!inside.startsWith(start)) throw new Malformed(`does not start with ${start}`);
  const value = between(inside.slice(start.length).trimStart(), ':', '');
  const end = value.lastIndexOf('"signature"');
  const raw = between(value.slice(0, Math.max(0, end)).trimEnd(), '', ',');
  const [, digits = ''] = SIGNATURE.exec(value.slice(end + '"signature"'.length)) ?? [];
  const signature = fromHex(digits.toLowerCase());
  if (signature?.length !== 64) throw new Malformed('has no signature of 64 bytes at its end');
  return { raw, signature, value: new JsonObject(parsed(raw), member) };
}

function between(text: string, prefix: string, suffix: string): string {
  if (!text.startsWith(prefix) || !text.endsWith(suffix)) throw new Malformed('is not one value and its signature');
  return text.slice(prefix.length, text.length - suffix.length).trim();
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    throw new Malformed('the signed value is not JSON');
  }
}

/** Reads the members of a JSON object, each with its type and bounds; throws Malformed with the path of what is wrong. */
export class JsonObject {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed(`${path}: no object`);
    this.#members = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  text(name: string): string {
    const value = this.#member(name);
    return typeof value === 'string' && value.length <= 256 ? value : this.#fail(name, 'no text');
  }

  /** Exactly `length` bytes. */
  bytes(name: string, length: number): Uint8Array {
    const bytes = fromHex(this.text(name).toLowerCase());
    return bytes?.length === length ? bytes : this.#fail(name, `not ${length} bytes of hexadecimal`);
  }

  /** From 0 to `most`. */
  number(name: string, most: number): number {
    const value = this.#member(name);
    const fits = Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
    return fits ? (value as number) : this.#fail(name, `no whole number from 0 to ${most}`);
  }

  /** Milliseconds since 1970. */
  time(name: string): number {
    const text = this.text(name);
    const time = TIME.test(text) ? Date.parse(text) : NaN;
    return Number.isFinite(time) ? time : this.#fail(name, 'no time');
  }

  object(name: string): JsonObject {
    return new JsonObject(this.#member(name), `${this.#path}.${name}`);
  }

  /** At most `most` objects; exactly that many where `exactly` is set. */
  objects(name: string, most: number, exactly = false): JsonObject[] {
    const value = this.#list(name, most);
    if (exactly && value.length !== most) this.#fail(name, `not exactly ${most} items`);
    return value.map((item, index) => new JsonObject(item, `${this.#path}.${name}[${index}]`));
  }

  /** Texts; an absent member is an empty list. */
  texts(name: string, most: number): string[] {
    if (!this.has(name)) return [];
    return this.#list(name, most).map((item) =>
      typeof item === 'string' && item.length <= 64 ? item : this.#fail(name, 'holds something else than texts'),
    );
  }

  #list(name: string, most: number): unknown[] {
    const value = this.#member(name);
    if (!Array.isArray(value)) return this.#fail(name, 'no list');
    return value.length > most ? this.#fail(name, `more than ${most} items`) : value;
  }

  #member(name: string): unknown {
    return this.has(name) ? this.#members[name] : this.#fail(name, 'absent');
  }

  #fail(name: string, what: string): never {
    throw new Malformed(`${this.#path}.${name}: ${what}`);
  }
}
