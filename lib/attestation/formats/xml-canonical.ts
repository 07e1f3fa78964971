import type { XmlAttribute, XmlElement } from './xml.ts';

/**
 * Canonical XML 1.1 without comments of one element and what is in it, with `left` left out: inclusive, so the apex
 * carries every namespace in scope. For documents that `readXml` accepts, which have no `xml:` attributes, comments
 * or instructions.
 */
export function canonicalXml(apex: XmlElement, left: XmlElement | null = null): string {
  const out: string[] = [];
  write(out, apex, new Map(), left);
  return out.join('');
}

function write(
  out: string[],
  element: XmlElement,
  rendered: ReadonlyMap<string, string>,
  left: XmlElement | null,
): void {
  const name = element.prefix === '' ? element.local : `${element.prefix}:${element.local}`;
  const declared = element.scope === rendered ? [] : [...element.scope];
  const namespaces = declared
    .filter(([prefix, uri]) => rendered.get(prefix) !== uri)
    .sort(([a], [b]) => order(a, b))
    .map(([prefix, uri]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${inAttribute(uri)}"`);
  const attributes = [...element.attributes]
    .sort((a, b) => order(a.namespace, b.namespace) || order(a.local, b.local))
    .map((attribute) => ` ${qualified(attribute)}="${inAttribute(attribute.value)}"`);
  out.push('<', name, ...namespaces, ...attributes, '>');
  for (const child of element.children) {
    if (typeof child === 'string') out.push(inText(child));
    else if (child !== left) write(out, child, element.scope, left);
  }
  out.push('</', name, '>');
}

const qualified = ({ prefix, local }: XmlAttribute): string => (prefix === '' ? local : `${prefix}:${local}`);

/** By code unit: the order by code point wherever names and namespaces are within one plane. */
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const inText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const inAttribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
