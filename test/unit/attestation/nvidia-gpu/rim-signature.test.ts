import { describe, expect, it } from 'vitest';
import { parseRim } from '../../../../lib/attestation/nvidia-gpu/rim.ts';
import { Malformed } from '../../../../lib/attestation/formats/malformed.ts';
import { readXml } from '../../../../lib/attestation/formats/xml.ts';
import { readXmlSignature, xmlSignatureFault } from '../../../../lib/attestation/nvidia-gpu/xml-signature.ts';
import { certify } from '../../../authorities/x509-authority.ts';
import { measured, nvidiaAuthority, sha384, type RimParts } from '../../../authorities/nvidia-authority.ts';

const nvidia = nvidiaAuthority();
const parts: RimParts = { version: '600.01', active: { 7: [measured(7)], 35: [measured(35), measured(36)] } };
const genuine = nvidia.rim(parts);
const evil = sha384('evil');
const EVIL_RESOURCE = `<ns0:Resource active="True" alternatives="1" index="7" name="M" size="48" type="Measurement" ns2:Hash0="${evil}"></ns0:Resource>`;
const SIGNATURE = /<ds:Signature .*<\/ds:Signature>/s;
const signature = SIGNATURE.exec(genuine)?.[0] ?? '';
const unsigned = genuine.replace(SIGNATURE, '');
const stranger = certify({
  name: 'Stranger',
  algorithm: 'p384-sha384',
  issuer: null,
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date('2026-12-31T00:00:00Z'),
});
/** Names the genuine signer. */
const forged = nvidia.rim({ ...parts, active: { 7: [evil] }, signer: stranger });

/** `sound`, what is wrong with the signature, or that it is malformed. */
function verdict(text: string): string {
  const rim = parseRim(text);
  if (!rim.ok) return rim.error.code;
  return xmlSignatureFault(rim.value.signature, rim.value.signature.certificates[0]) ?? 'sound';
}

const MALFORMED = 'E-ATTEST-MALFORMED';
const CHANGED = 'the document is not what was signed';
const NOT_BY = 'the signature is not by its certificate';

describe('a RIM', () => {
  it('holds its active measurements', () => {
    const rim = parseRim(genuine);
    if (!rim.ok) throw new Error(rim.error.detail);
    expect(verdict(genuine)).toBe('sound');
    expect(rim.value).toMatchObject({ product: 'GH100', edition: 'GPU', version: '600.01' });
    expect([...rim.value.golden].map(([index, { alternatives }]) => [index, alternatives.length])).toEqual([
      [7, 1],
      [35, 2],
    ]);
  });

  it('may be written in another way that means the same', () => {
    expect(verdict(`<?xml version="1.0" encoding="UTF-8"?>\n${genuine.replaceAll('></ns0:Resource>', ' />')}\n`)).toBe(
      'sound',
    );
    expect(verdict(genuine.replaceAll('\n', '\r\n'))).toBe('sound');
    expect(verdict(genuine.replaceAll('"GPU"', "'GPU'"))).toBe('sound');
  });

  it.each<[string, (text: string) => string, string]>([
    ['a measurement changed', (text) => text.replace(measured(7), evil), CHANGED],
    ['an inactive measurement activated', (text) => text.replace('active="False"', 'active="True"'), CHANGED],
    ['its version changed', (text) => text.replace('600.01', '600.02'), CHANGED],
    ['white space added', (text) => text.replace('</ns0:Payload>', ' </ns0:Payload>'), CHANGED],
    [
      'a payload added',
      (text) => text.replace('</ns0:Payload>', `</ns0:Payload><ns0:Payload>${EVIL_RESOURCE}</ns0:Payload>`),
      MALFORMED,
    ],
    ['a measurement added', (text) => text.replace('<ns0:Payload>', `<ns0:Payload>${EVIL_RESOURCE}`), MALFORMED],
    ['a comment in a value', (text) => text.replace('</ns0:Payload>', '<!-- --></ns0:Payload>'), MALFORMED],
    ['no signature', () => unsigned, MALFORMED],
    ['two signatures', (text) => text.replace(SIGNATURE, signature + signature), MALFORMED],
    [
      'the signature inside the payload',
      () => unsigned.replace('</ns0:Payload>', `${signature}</ns0:Payload>`),
      MALFORMED,
    ],
    [
      'the signature of another document',
      (text) =>
        text.replace(
          /<ds:DigestValue>[^<]*/,
          /<ds:DigestValue>[^<]*/.exec(nvidia.rim({ ...parts, version: '1.0' }))?.[0] ?? '',
        ),
      CHANGED,
    ],
    ['a measurement changed and signed again by somebody else', () => forged, NOT_BY],
    ['another root element around it', (text) => `<x>${text}</x>`, MALFORMED],
    [
      'a SWID tag around it',
      (text) => unsigned.replace('</SoftwareIdentity>', `${text}</SoftwareIdentity>`),
      MALFORMED,
    ],
    [
      'the original kept in an Object',
      (text) => {
        const wrapped = signature.replace('</ds:Signature>', `<ds:Object>${unsigned}</ds:Object></ds:Signature>`);
        return text.replace(measured(7), evil).replace(SIGNATURE, wrapped);
      },
      MALFORMED,
    ],
  ])('is refused with %s', (_, change, wanted) => {
    expect(verdict(change(genuine))).toBe(wanted);
  });

  it.each<[string, (info: string) => string]>([
    ['a reference to an id', (info) => info.replace('URI=""', 'URI="#payload"')],
    ['a reference without URI', (info) => info.replace(' URI=""', '')],
    ['a second reference', (info) => info.replace(/<ds:Reference.*<\/ds:Reference>/s, '$&$&')],
    ['no reference', (info) => info.replace(/<ds:Reference.*<\/ds:Reference>/s, '')],
    ['no enveloped transform', (info) => info.replace(/<ds:Transform [^>]*enveloped[^>]*><\/ds:Transform>/, '')],
    ['an XPath transform', (info) => info.replace('2000/09/xmldsig#enveloped-signature', 'TR/1999/REC-xpath-19991116')],
    [
      'an XSLT transform more',
      (info) =>
        info.replace(
          '</ds:Transforms>',
          '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"></ds:Transform></ds:Transforms>',
        ),
    ],
    [
      'a transform with parameters',
      (info) => info.replace('xml-c14n11"></ds:Transform>', 'xml-c14n11"><ds:XPath></ds:XPath></ds:Transform>'),
    ],
    [
      'exclusive canonicalization',
      (info) => info.replaceAll('http://www.w3.org/2006/12/xml-c14n11', 'http://www.w3.org/2001/10/xml-exc-c14n#'),
    ],
    ['canonicalization with comments', (info) => info.replaceAll('xml-c14n11', 'xml-c14n11#WithComments')],
    ['an HMAC', (info) => info.replace('2001/04/xmldsig-more#ecdsa-sha384', '2000/09/xmldsig#hmac-sha1')],
    ['ECDSA with SHA-256', (info) => info.replace('ecdsa-sha384', 'ecdsa-sha256')],
    ['a SHA-256 digest', (info) => info.replace('2001/04/xmldsig-more#sha384', '2001/04/xmlenc#sha256')],
    ['an id on its reference', (info) => info.replace('URI=""', 'URI="" Id="a"')],
    ['text between its parts', (info) => info.replace('<ds:Reference', 'x<ds:Reference')],
    ['parts of another namespace', (info) => info.replace(/ds:DigestMethod/g, 'ns0:DigestMethod')],
  ])('is refused although really signed with %s', (_, signedInfo) => {
    expect(verdict(nvidia.rim({ ...parts, signedInfo }))).toBe(MALFORMED);
  });

  it.each<[string, (xml: string) => string]>([
    [
      'two elements of one id',
      (xml) =>
        xml.replaceAll('<ns0:Payload', '<ns0:Payload Id="payload"').replace('<ns0:Entity', '<ns0:Entity Id="payload"'),
    ],
  ])('reads nothing by id: %s change nothing', (_, document) => {
    expect(verdict(nvidia.rim({ ...parts, document }))).toBe('sound');
  });

  it.each<[string, (xml: string) => string]>([
    ['an index twice', (xml) => xml.replace('index="8"', 'index="7"')],
    ['an index that is no number', (xml) => xml.replace('index="8"', 'index="0x8"')],
    ['another size', (xml) => xml.replace('size="48"', 'size="32"')],
    ['fewer alternatives than it says', (xml) => xml.replace('alternatives="2"', 'alternatives="3"')],
    ['more alternatives than it says', (xml) => xml.replace('alternatives="2"', 'alternatives="1"')],
    ['a hash of another length', (xml) => xml.replace(measured(7), measured(7).slice(2))],
    ['an activity of its own', (xml) => xml.replace('active="True"', 'active="true"')],
    ['another type of resource', (xml) => xml.replace('type="Measurement"', 'type="File"')],
    ['two Meta', (xml) => xml.replace(/<ns0:Meta.*?<\/ns0:Meta>/, '$&$&')],
    ['no version', (xml) => xml.replace('colloquialVersion', 'version')],
    ['another root', (xml) => xml.replaceAll('SoftwareIdentity', 'Software')],
    ['a payload of another namespace', (xml) => xml.replaceAll('ns0:Payload', 'ns2:Payload')],
  ])('is malformed although really signed with %s', (_, document) => {
    expect(verdict(nvidia.rim({ ...parts, document }))).toBe(MALFORMED);
  });

  it('has a signature that is refused by itself where it stands twice, or deeper', () => {
    const read = (text: string): unknown => readXmlSignature(readXml(text));
    expect(read(genuine)).toBeDefined();
    expect(() => read(genuine.replace(SIGNATURE, signature + signature))).toThrow(Malformed);
    expect(() => read(unsigned.replace('</ns0:Payload>', `${signature}</ns0:Payload>`))).toThrow(Malformed);
    expect(() => read(genuine.replace('<ns0:Entity', '<ns0:Signature></ns0:Signature><ns0:Entity'))).toThrow(Malformed);
  });

  it('needs certificates, and is verified with the first', () => {
    expect(verdict(nvidia.rim({ ...parts, certificates: [] }))).toBe(MALFORMED);
    const reordered = nvidia.rim({ ...parts, certificates: [nvidia.rimIssuer, nvidia.rimSigner, nvidia.rimRoot] });
    expect(verdict(reordered)).toBe(NOT_BY);
    expect(verdict(genuine.replace(/<ds:X509Certificate>[^<]*/, '<ds:X509Certificate>AAAA'))).toBe(MALFORMED);
    expect(verdict(genuine.replace(/<ds:X509Data>.*<\/ds:X509Data>/s, '<ds:KeyName>a</ds:KeyName>'))).toBe(MALFORMED);
  });
});
