import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed } from '../../../../lib/attestation/formats/malformed.ts';
import { readXml } from '../../../../lib/attestation/formats/xml.ts';
import { canonicalXml } from '../../../../lib/attestation/formats/xml-canonical.ts';

const canonical = (text: string): string => canonicalXml(readXml(text));

describe('the strict XML reader', () => {
  it.each([
    ['a document type', '<!DOCTYPE a><a/>'],
    ['an entity', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['a character reference', '<a>&#65;</a>'],
    ['a hexadecimal character reference', '<a b="&#x41;"/>'],
    ['an entity without its end', '<a>&amp</a>'],
    ['a lone ampersand', '<a>b & c</a>'],
    ['a comment', '<a><!-- b --></a>'],
    ['a comment before the document', '<!-- b --><a/>'],
    ['a comment after the document', '<a/><!-- b -->'],
    ['an instruction', '<a><?b c?></a>'],
    ['CDATA', '<a><![CDATA[b]]></a>'],
    ['the end of CDATA', '<a>]]></a>'],
    ['two documents', '<a/><b/>'],
    ['text after the document', '<a/>b'],
    ['nothing', ' '],
    ['a byte order mark', '\ufeff<a/>'],
    ['another encoding', '<?xml version="1.0" encoding="UTF-16"?><a/>'],
    ['XML 1.1', '<?xml version="1.1"?><a/>'],
    ['a NUL', '<a>\u0000</a>'],
    ['half a character', '<a>\ud800</a>'],
    ['another end tag', '<a></b>'],
    ['another prefix at the end', '<p:a xmlns:p="u" xmlns:q="u"></q:a>'],
    ['no end', '<a>'],
    ['an attribute twice', '<a b="1" b="2"/>'],
    ['an attribute twice under two prefixes', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>'],
    ['an attribute without quotes', '<a b=1/>'],
    ['attributes without a space between', '<a b="1"c="2"/>'],
    ['a tag in an attribute', '<a b="<"/>'],
    ['a prefix without namespace', '<p:a/>'],
    ['an attribute prefix without namespace', '<a p:b="1"/>'],
    ['a prefix that is undone', '<a xmlns:p="u"><b xmlns:p=""/></a>'],
    ['a default namespace that is undone', '<a xmlns="u"><b xmlns=""/></a>'],
    ['a namespace declared twice', '<a xmlns:p="u" xmlns:p="v"/>'],
    ['the xml prefix', '<a xml:id="b"/>'],
    ['the xml prefix declared', '<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>'],
    ['a name that is not ASCII', '<ä/>'],
    ['a space in an end tag’s name', '<a></ a>'],
    ['a depth of 17', '<a>'.repeat(17) + '</a>'.repeat(17)],
    ['65 attributes', `<a ${Array.from({ length: 65 }, (_, n) => `b${n}="1"`).join(' ')}/>`],
    ['17 namespaces', `<a ${Array.from({ length: 17 }, (_, n) => `xmlns:b${n}="u"`).join(' ')}/>`],
    ['1025 elements', `<a>${'<b/>'.repeat(1024)}</a>`],
    ['more than 128 KiB', `<a>${' '.repeat(128 * 1024)}</a>`],
  ])('refuses %s', (_, text) => {
    expect(() => readXml(text)).toThrow(Malformed);
  });

  it('fails as Malformed, quickly, on anything', () => {
    const text = '<?xml version="1.0"?><a xmlns="u" xmlns:p="v" b="1&lt;2" p:c=\'"\'><p:d>x &amp; y</p:d><e/></a>';
    fc.assert(
      fc.property(fc.nat(), fc.nat(4), fc.string({ maxLength: 8 }), (at, cut, added) => {
        const start = at % text.length;
        try {
          canonical(text.slice(0, start) + added + text.slice(start + cut));
        } catch (fault) {
          return fault instanceof Malformed;
        }
        return true;
      }),
      { numRuns: 500 },
    );
    for (const hostile of ['<a '.repeat(40_000), '&'.repeat(120_000), `<a>${'&amp;'.repeat(20_000)}`]) {
      expect(() => readXml(hostile)).toThrow(Malformed);
    }
  });
});

describe('canonical XML 1.1', () => {
  // Worked by hand from the rules of W3C REC-xml-c14n11 §1.1 and §2.3.
  it.each([
    ['writes empty elements in full', '<a/>', '<a></a>'],
    ['keeps white space in content', '<a>\n <b /> </a >', '<a>\n <b></b> </a>'],
    ['drops white space around the document and its declaration', '<?xml version="1.0"?>\n<a/>\n', '<a></a>'],
    ['reads carriage returns as line feeds', '<a>\r\nb\rc</a>', '<a>\nb\nc</a>'],
    ['escapes text', '<a>&lt;&gt;&amp;&quot;&apos;</a>', '<a>&lt;&gt;&amp;"\'</a>'],
    ['escapes attributes', "<a b='&lt;&gt;&amp;\"&apos;'/>", '<a b="&lt;>&amp;&quot;\'"></a>'],
    ['makes spaces of white space in attributes', '<a b="1\t2\n3"/>', '<a b="1 2 3"></a>'],
    [
      'sorts namespaces by prefix, attributes by namespace and name',
      '<a z="1" xmlns:q="a" q:b="2" xmlns="u" xmlns:p="z" p:a="3" c="4"/>',
      '<a xmlns="u" xmlns:p="z" xmlns:q="a" c="4" z="1" q:b="2" p:a="3"></a>',
    ],
    [
      'leaves out what the parent has declared',
      '<a xmlns="u"><b xmlns="u" xmlns:p="v"/></a>',
      '<a xmlns="u"><b xmlns:p="v"></b></a>',
    ],
    [
      'declares again what was changed',
      '<p:a xmlns:p="u"><p:b xmlns:p="v"><p:c xmlns:p="u"/></p:b></p:a>',
      '<p:a xmlns:p="u"><p:b xmlns:p="v"><p:c xmlns:p="u"></p:c></p:b></p:a>',
    ],
  ])('%s', (_, text, wanted) => {
    expect(canonical(text)).toBe(wanted);
    expect(canonical(wanted)).toBe(wanted);
  });

  it('gives an inner apex every namespace in scope, and leaves an element out without a trace', () => {
    const root = readXml('<a xmlns="u" xmlns:p="v"> <b c="1"/> <d/> </a>');
    const [, b] = root.children;
    if (b === undefined || typeof b === 'string') throw new Error('no element');
    expect(canonicalXml(b)).toBe('<b xmlns="u" xmlns:p="v" c="1"></b>');
    expect(canonicalXml(root, b)).toBe('<a xmlns="u" xmlns:p="v">  <d></d> </a>');
  });
});
