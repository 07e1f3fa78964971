/** What the bytes are made of: decides which structure-aware changes are tried beside those of bytes. */
export type Style = 'binary' | 'der' | 'json' | 'text';

/** Draws that repeat for the same seed (mulberry32). */
export class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to `below` − 1. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
  }

  of<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }
}

export type Seeds = readonly [Uint8Array, ...Uint8Array[]];

/** No mutant is longer, so that a slow one is slow for its structure. */
const MAX_BYTES = 512 * 1024;
const BYTES = [0, 1, 0x1f, 0x20, 0x7f, 0x80, 0x81, 0xa0, 0xfe, 0xff] as const;
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff] as const;
const TOKENS = [
  ...['"', '\\', '{', '}', '[', ']', ',', ':', '<', '>', '&', '=', '-', '\0', '\n', ' ', '\u{1f600}'],
  ...['</', '/>', '&amp;', '&#0;', '<!--', '<![CDATA[', '\\u0000', '-----BEGIN ', '-----END ', '1e999', '-1', 'null'],
] as const;

/** One seed after one to four changes. */
export function mutant(draws: Draws, seeds: Seeds, style: Style): Uint8Array {
  let bytes: Uint8Array = draws.of(seeds);
  for (let changes = 1 + draws.below(4); changes > 0; changes--) {
    bytes = draws.below(3) > 0 ? changedBytes(draws, bytes, seeds) : changedStructure(draws, bytes, seeds, style);
  }
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes;
}

function changedBytes(draws: Draws, bytes: Uint8Array, seeds: Seeds): Uint8Array {
  const at = draws.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + draws.below(draws.of([4, 64, 1024])));
  switch (draws.below(9)) {
    case 0:
      return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << draws.below(8)));
    case 1:
      return withByte(bytes, at, draws.of(BYTES));
    case 2:
      return withNumber(draws, bytes, at);
    case 3:
      return joined(bytes.subarray(0, at), bytes.subarray(end));
    case 4: {
      const times = draws.below(50) === 0 ? 1 + draws.below(20_000) : 1 + draws.below(8);
      const part = bytes.subarray(at, end);
      const repeats = Math.min(times, Math.floor(MAX_BYTES / Math.max(1, part.length)));
      return joined(bytes.subarray(0, at), ...Array<Uint8Array>(repeats).fill(part), bytes.subarray(at));
    }
    case 5: {
      const other = draws.of(seeds);
      return joined(bytes.subarray(0, at), other.subarray(draws.below(other.length)));
    }
    case 6:
      return bytes.subarray(0, at);
    case 7:
      return joined(
        bytes.subarray(0, at),
        Uint8Array.from({ length: 1 + draws.below(16) }, () => draws.below(256)),
        bytes.subarray(at),
      );
    default: {
      const to = draws.below(bytes.length);
      const [low, high] = [Math.min(at, to), Math.max(at, to)];
      return joined(bytes.subarray(0, low), bytes.subarray(high), bytes.subarray(low, high));
    }
  }
}

/** A length, count or version, in either order of bytes: an extreme value, or a little more or less than before. */
function withNumber(draws: Draws, bytes: Uint8Array, at: number): Uint8Array {
  const width = draws.of([2, 4]);
  if (at + width > bytes.length) return bytes;
  const out = Uint8Array.from(bytes);
  const view = new DataView(out.buffer);
  const little = draws.below(2) === 0;
  const before = width === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
  const value = draws.below(2) === 0 ? draws.of(NUMBERS) : before + draws.below(33) - 16;
  if (width === 2) view.setUint16(at, value, little);
  else view.setUint32(at, value, little);
  return out;
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const out = Uint8Array.from(bytes);
  if (at < out.length) out[at] = value;
  return out;
}

function changedStructure(draws: Draws, bytes: Uint8Array, seeds: Seeds, style: Style): Uint8Array {
  if (style === 'der') return changedDer(draws, bytes, draws.of(seeds));
  if (style === 'json' && draws.below(4) > 0) return changedJson(draws, bytes);
  if (style === 'binary') return changedBytes(draws, bytes, seeds);
  const at = draws.below(bytes.length);
  return joined(bytes.subarray(0, at), Buffer.from(draws.of(TOKENS)), bytes.subarray(at));
}

interface Node {
  tag: number;
  /** Of a constructed element whose content is a row of elements; null: `content` as it stands. */
  children: Node[] | null;
  content: Uint8Array;
}

const MAX_NODES = 4000;

/** One element changed, and the lengths around it made right again. */
function changedDer(draws: Draws, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const nodes: Node[] = [];
  const tree = derRow(bytes, nodes);
  const parents = nodes.filter(({ children }) => children !== null && children.length > 0);
  const parent = parents[draws.below(parents.length)];
  if (tree === null || parent?.children === undefined || parent.children === null) return bytes;
  const row = parent.children;
  const at = draws.below(row.length);
  const node = row[at];
  if (node === undefined) return bytes;
  const donors: Node[] = [];
  switch (draws.below(7)) {
    case 0:
      row.splice(at, 1);
      break;
    case 1:
      row.splice(at, 0, ...Array<Node>(draws.below(40) === 0 ? 5000 : 1 + draws.below(4)).fill(node));
      break;
    case 2:
      derRow(other, donors);
      row[at] = donors[draws.below(donors.length)] ?? node;
      break;
    case 3:
      node.tag = draws.below(256);
      break;
    case 4:
      node.children = null;
      node.content = Uint8Array.from({ length: draws.below(24) }, () => draws.of(BYTES));
      break;
    case 5:
      for (let depth = draws.below(60); depth > 0; depth--)
        row[at] = { tag: 0x30, children: [row[at] ?? node], content: new Uint8Array() };
      break;
    default:
      row.reverse();
  }
  return joined(...tree.map(derBytes));
}

/** Null: not a row of elements. Every element found is put into `found`. */
function derRow(bytes: Uint8Array, found: Node[], depth = 0): Node[] | null {
  const row: Node[] = [];
  for (let at = 0; at < bytes.length;) {
    const [tag = 0, first = 0] = bytes.subarray(at);
    const digits = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + digits;
    const length = digits === 0 ? first : [...bytes.subarray(at + 2, start)].reduce((sum, byte) => sum * 256 + byte, 0);
    if (digits > 4 || start + length > bytes.length || found.length > MAX_NODES || depth > 30) return null;
    const node: Node = { tag, children: null, content: bytes.subarray(start, start + length) };
    found.push(node);
    if ((tag & 0x20) !== 0) node.children = derRow(node.content, found, depth + 1);
    row.push(node);
    at = start + length;
  }
  return row;
}

function derBytes({ tag, children, content }: Node): Uint8Array {
  const inner = children === null ? content : joined(...children.map(derBytes));
  if (inner.length < 0x80) return joined(Uint8Array.of(tag, inner.length), inner);
  const digits = Buffer.from(
    inner.length
      .toString(16)
      .padStart(6, '0')
      .replace(/^(?:00)+/, ''),
    'hex',
  );
  return joined(Uint8Array.of(tag, 0x80 | digits.length), digits, inner);
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** One member changed; bytes that are no JSON any more stay as they are. */
function changedJson(draws: Draws, bytes: Uint8Array): Uint8Array {
  let value: Json;
  try {
    value = JSON.parse(Buffer.from(bytes).toString()) as Json;
  } catch {
    return bytes;
  }
  const holders: (Json[] | { [name: string]: Json })[] = [];
  const visit = (one: Json, depth: number): void => {
    if (typeof one !== 'object' || one === null || depth > 20 || holders.length > 2000) return;
    holders.push(one);
    for (const inner of Object.values(one)) visit(inner, depth + 1);
  };
  visit(value, 0);
  const holder = holders[draws.below(holders.length)];
  if (holder === undefined) return bytes;
  const names = Object.keys(holder);
  const name = names[draws.below(names.length)] ?? '0';
  const record = holder as Record<string, Json>;
  const old = record[name] ?? null;
  const change = draws.below(8);
  if (change === 0 && !Array.isArray(holder)) Reflect.deleteProperty(record, name);
  else if (change === 1) record[draws.of(['__proto__', 'constructor', 'toString', 'Z', ''])] = old;
  else if (change === 2 && Array.isArray(holder)) holder.push(...Array<Json>(draws.of([1, 2, 300])).fill(old));
  else if (change === 3 && typeof old === 'string') record[name] = textLike(draws, old);
  else
    record[name] = draws.of<Json>([null, true, 0, -1, 1.5, 1e300, 2 ** 53, '', 'x'.repeat(5000), [], {}, [[[[[]]]]]]);
  return Buffer.from(JSON.stringify(value));
}

const textLike = (draws: Draws, text: string): string =>
  draws.of<(text: string) => string>([
    (all) => all.slice(0, draws.below(all.length)),
    (all) => all + all,
    (all) => all.toUpperCase(),
    (all) => ` ${all}`,
    (all) => all.repeat(Math.min(200, Math.ceil(20_000 / Math.max(1, all.length)))),
    (all) => `${all.slice(0, all.length >> 1)}${draws.of(TOKENS)}${all.slice(all.length >> 1)}`,
  ])(text);

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
