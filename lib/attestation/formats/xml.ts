import { Malformed } from './malformed.ts';

/** Far above any RIM (26 KB, depth 6, 90 elements, 14 attributes, 6 namespaces). */
const MAX_CHARACTERS = 128 * 1024;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 1024;
const MAX_ATTRIBUTES = 64;
const MAX_NAMESPACES = 16;

const DECLARATION = /^<\?xml version="1\.0"(?: encoding="(?:UTF-8|utf-8)")?(?: standalone="(?:yes|no)")?\s*\?>/;
const NAME = /[A-Za-z_][A-Za-z0-9_.-]{0,127}/y;
const SPACE = /[ \t\n]+/y;
/** What XML 1.0 does not allow in a document, without its white space. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const REFERENCES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const XML_SPACE = /^[ \t\n]*$/;

export interface XmlAttribute {
  /** Empty: none, and then no namespace either. */
  readonly prefix: string;
  readonly local: string;
  readonly namespace: string;
  readonly value: string;
}

export interface XmlElement {
  readonly prefix: string;
  readonly local: string;
  /** Empty: no namespace. */
  readonly namespace: string;
  /** In the order written, without namespace declarations. */
  readonly attributes: readonly XmlAttribute[];
  /** Every prefix in scope, the default namespace under the empty prefix. */
  readonly scope: ReadonlyMap<string, string>;
  /** Elements and texts in order. */
  readonly children: readonly (XmlElement | string)[];
}

/**
 * The document element of a strict subset of XML 1.0 with namespaces: no document type, no comments, processing
 * instructions, CDATA or character references (the five named entities only), ASCII names, nothing under the `xml`
 * prefix, no undeclared or undone namespace. What is left has one meaning, so that a signature cannot be read in two
 * ways. Throws Malformed.
 */
export function readXml(text: string): XmlElement {
  if (text.length > MAX_CHARACTERS) throw new Malformed('XML above 128 KiB');
  if (!text.isWellFormed() || FORBIDDEN.test(text)) throw new Malformed('XML holds characters that it may not hold');
  return new Reader(text.replace(/\r\n?/g, '\n')).document();
}

/** The text inside an element that holds nothing else. Throws Malformed. */
export function textContent({ children, local }: XmlElement): string {
  const [text = '', ...others] = children;
  if (typeof text !== 'string' || others.length > 0) throw new Malformed(`${local} holds more than text`);
  return text;
}

/** The elements inside one that holds only elements and white space. Throws Malformed. */
export function elementContent({ children, local }: XmlElement): XmlElement[] {
  return children.flatMap((child) => {
    if (typeof child !== 'string') return [child];
    if (!XML_SPACE.test(child)) throw new Malformed(`${local} holds text`);
    return [];
  });
}

class Reader {
  readonly #text: string;
  #at: number;
  #elements = 0;

  constructor(text: string) {
    this.#text = text;
    this.#at = DECLARATION.exec(text)?.[0].length ?? 0;
  }

  document(): XmlElement {
    this.#match(SPACE);
    const root = this.#element(new Map(), 1);
    this.#match(SPACE);
    if (this.#at !== this.#text.length) throw this.#fault('something after the document');
    return root;
  }

  #element(outer: ReadonlyMap<string, string>, depth: number): XmlElement {
    if (depth > MAX_DEPTH) throw this.#fault('nested too deep');
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS) throw this.#fault('too many elements');
    this.#expect('<');
    const { prefix, local } = this.#name();
    const { raw, empty } = this.#startTag();
    const scope = scopeOf(raw, outer, () => this.#fault('namespaces that are not allowed'));
    const attributes = raw
      .filter((attribute) => !declares(attribute))
      .map((attribute) => ({
        ...attribute,
        namespace: attribute.prefix === '' ? '' : this.#lookup(scope, attribute.prefix),
      }));
    const names = new Set(attributes.map((attribute) => `${attribute.namespace} ${attribute.local}`));
    if (names.size !== attributes.length) throw this.#fault('attribute stands twice');
    const namespace = prefix === '' ? (scope.get('') ?? '') : this.#lookup(scope, prefix);
    const children = empty ? [] : this.#content(scope, depth);
    if (!empty) {
      this.#expect('</');
      const end = this.#name();
      if (end.prefix !== prefix || end.local !== local) throw this.#fault('end tag of another element');
      this.#match(SPACE);
      this.#expect('>');
    }
    return { prefix, local, namespace, attributes, scope, children };
  }

  #startTag(): { raw: Omit<XmlAttribute, 'namespace'>[]; empty: boolean } {
    const raw: Omit<XmlAttribute, 'namespace'>[] = [];
    for (;;) {
      const spaced = this.#match(SPACE) !== null;
      if (this.#skip('>')) return { raw, empty: false };
      if (this.#skip('/>')) return { raw, empty: true };
      if (!spaced || raw.length === MAX_ATTRIBUTES) throw this.#fault('start tag is malformed');
      const name = this.#name();
      this.#expect('=');
      const quote = this.#skip('"') ? '"' : "'";
      if (quote === "'") this.#expect("'");
      const end = this.#text.indexOf(quote, this.#at);
      if (end < 0) throw this.#fault('attribute has no end');
      const value = this.#text.slice(this.#at, end);
      if (value.includes('<')) throw this.#fault('attribute holds a tag');
      raw.push({ ...name, value: this.#resolved(value).replace(/[\t\n]/g, ' ') });
      this.#at = end + 1;
    }
  }

  #content(scope: ReadonlyMap<string, string>, depth: number): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      if (next < 0) throw this.#fault('element has no end');
      const text = this.#text.slice(this.#at, next);
      if (text.includes(']]>')) throw this.#fault('end of CDATA in text');
      if (text !== '') children.push(this.#resolved(text));
      this.#at = next;
      if (this.#text.startsWith('</', next)) return children;
      children.push(this.#element(scope, depth + 1));
    }
  }

  #resolved(text: string): string {
    if (!text.includes('&')) return text;
    return text.replace(/&([^;&]{0,8});?/g, (whole, name: string) => {
      const character = Object.hasOwn(REFERENCES, name) ? REFERENCES[name] : undefined;
      if (character === undefined || !whole.endsWith(';')) throw this.#fault('entity that is not one of the five');
      return character;
    });
  }

  #name(): { prefix: string; local: string } {
    const first = this.#match(NAME);
    if (first === null) throw this.#fault('no name (comments, instructions and document types are refused)');
    if (!this.#skip(':')) return { prefix: '', local: first };
    const local = this.#match(NAME);
    if (local === null) throw this.#fault('no name after a prefix');
    return { prefix: first, local };
  }

  #lookup(scope: ReadonlyMap<string, string>, prefix: string): string {
    const namespace = scope.get(prefix);
    if (namespace === undefined) throw this.#fault('prefix without namespace');
    return namespace;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #skip(text: string): boolean {
    const found = this.#text.startsWith(text, this.#at);
    if (found) this.#at += text.length;
    return found;
  }

  #expect(text: string): void {
    if (!this.#skip(text)) throw this.#fault(`no ${text}`);
  }

  #fault(what: string): Malformed {
    return new Malformed(`XML: ${what}`, this.#at);
  }
}

const declares = ({ prefix, local }: Omit<XmlAttribute, 'namespace'>): boolean =>
  prefix === 'xmlns' || (prefix === '' && local === 'xmlns');

function scopeOf(
  attributes: readonly Omit<XmlAttribute, 'namespace'>[],
  outer: ReadonlyMap<string, string>,
  fault: () => Malformed,
): ReadonlyMap<string, string> {
  const declarations = attributes.filter(declares);
  if (declarations.length === 0) return outer;
  const own = new Map<string, string>();
  for (const { prefix, local, value } of declarations) {
    const name = prefix === '' ? '' : local;
    const reserved = name === 'xml' || name === 'xmlns' || value === '';
    if (reserved || own.has(name) || value.startsWith('http://www.w3.org/2000/xmlns') || value.includes('XML/1998')) {
      throw fault();
    }
    own.set(name, value);
  }
  const scope = new Map([...outer, ...own]);
  if (scope.size > MAX_NAMESPACES) throw fault();
  return scope;
}
