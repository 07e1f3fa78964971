/** Just enough of a parser to say whether a page is well-formed: elements nest, attributes are quoted. */
export interface MarkupElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Names of the elements around it, outermost first. */
  readonly within: readonly string[];
}

const VOID = new Set(['meta', 'br', 'hr', 'img', 'link', 'input']);
const TAG = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y;

/** Every element in order; throws at the first thing that is not well-formed. */
export function parseMarkup(page: string): MarkupElement[] {
  const elements: MarkupElement[] = [];
  const open: string[] = [];
  const start = page.indexOf('<html');
  for (let at = page.indexOf('<', start); at !== -1; at = page.indexOf('<', TAG.lastIndex)) {
    TAG.lastIndex = at;
    const tag = TAG.exec(page);
    if (tag === null) throw new Error(`not a tag: ${page.slice(at, at + 60)}`);
    const [, closing = '', name = '', attributes = '', selfClosing = ''] = tag;
    if (closing !== '') {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes <${expected ?? 'nothing'}>`);
      continue;
    }
    elements.push({ name, attributes: attributesOf(attributes), within: [...open] });
    if (selfClosing === '' && !VOID.has(name)) open.push(name);
    if (name === 'style') TAG.lastIndex = page.indexOf('</style>', at);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`);
  return elements;
}

function attributesOf(text: string): Map<string, string> {
  const found = Array.from(
    text.matchAll(/([\w:-]+)="([^"]*)"/g),
    ([, name = '', value = '']) => [name, value] as const,
  );
  const attributes = new Map(found);
  if (attributes.size !== found.length) throw new Error(`an attribute stands twice: ${text}`);
  return attributes;
}
