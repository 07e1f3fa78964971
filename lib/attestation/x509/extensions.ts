import { Der, TAG, contextTag, type DerSequence } from '../formats/der.ts';
import { Malformed } from '../formats/malformed.ts';

const MAX_EXTENSIONS = 64;

export interface Extension {
  readonly critical: boolean;
  /** Content of extnValue: DER of the extension's own type. */
  readonly value: Uint8Array;
}

/** By dotted object identifier. */
export type Extensions = ReadonlyMap<string, Extension>;

export const EXTENSION = {
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Bits of KeyUsage (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

/** `[number] EXPLICIT Extensions` at this place of `fields`, or none (RFC 5280 §4.1.2.9). Throws Malformed. */
export function readExtensions(fields: DerSequence, number: number): Extensions {
  const wrapper = fields.optional(contextTag(number, true));
  if (wrapper === null) return new Map();
  const [list, ...others] = wrapper.children();
  if (list === undefined || others.length > 0) throw new Malformed('extensions are not one list', wrapper.offset);
  return readExtensionList(list);
}

/** A SEQUENCE of Extension; an extension that stands twice is refused (RFC 5280 §4.2). Throws Malformed. */
export function readExtensionList(list: Der): Extensions {
  const items = list.expect(TAG.sequence, 'extensions').children();
  if (items.length > MAX_EXTENSIONS) throw new Malformed('too many extensions', list.offset);
  const found = new Map<string, Extension>();
  for (const item of items) {
    const parts = item.sequence('extension');
    const id = parts.next('identifier').oid('extension identifier');
    const critical = parts.optional(TAG.boolean)?.boolean('critical') ?? false;
    const value = parts.next('value').octets('extension value');
    parts.end();
    if (found.has(id)) throw new Malformed(`extension ${id} stands twice`, item.offset);
    found.set(id, { critical, value });
  }
  return found;
}

export interface BasicConstraints {
  readonly ca: boolean;
  /** Authorities that may follow below this one; null: any number. */
  readonly pathLength: number | null;
}

/** Null: the extension is absent. Throws Malformed. */
export function basicConstraintsOf(extensions: Extensions): BasicConstraints | null {
  const extension = extensions.get(EXTENSION.basicConstraints);
  if (extension === undefined) return null;
  const parts = Der.read(extension.value).sequence('basic constraints');
  const ca = parts.optional(TAG.boolean)?.boolean('cA') ?? false;
  const pathLength = parts.optional(TAG.integer)?.smallInteger('path length') ?? null;
  parts.end();
  return { ca, pathLength };
}

/** Bit positions as in KEY_USAGE; null: the extension is absent. Throws Malformed. */
export function keyUsageOf(extensions: Extensions): ReadonlySet<number> | null {
  const extension = extensions.get(EXTENSION.keyUsage);
  return extension === undefined ? null : Der.read(extension.value).namedBits('key usage');
}
