import { createHash } from 'node:crypto';
import { Malformed } from '../formats/malformed.ts';
import { elementContent, textContent, type XmlElement } from '../formats/xml.ts';
import { canonicalXml } from '../formats/xml-canonical.ts';
import { readCertificate, type Certificate } from '../x509/certificate.ts';
import { rawSignatureHolds } from '../x509/signature-algorithm.ts';

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const C14N_1_1 = 'http://www.w3.org/2006/12/xml-c14n11';
const ENVELOPED = `${DSIG}enveloped-signature`;
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384';
const SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384';
const MAX_CERTIFICATES = 8;

/** An enveloped signature (XML-DSig) in the one form that NVIDIA writes; believed only after `xmlSignatureFault`. */
export interface XmlSignature {
  /** Canonical form of SignedInfo: what is signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** SHA-384 that SignedInfo states for the document without its signature. */
  readonly statedDigest: Uint8Array;
  /** SHA-384 that the document has. */
  readonly digest: Uint8Array;
  /** Signer first, as they stand. */
  readonly certificates: readonly Certificate[];
}

/**
 * Reads the only Signature of a document, which must be a child of its root: SignedInfo with canonical XML 1.1,
 * ECDSA with SHA-384 and exactly one reference, to the whole document, by the enveloped and canonical transforms and
 * SHA-384. Anything else, also beside it, is Malformed: no id is ever looked up, so nothing can be wrapped.
 */
export function readXmlSignature(root: XmlElement): XmlSignature {
  const all = signaturesIn(root);
  const [signature, ...others] = all;
  if (signature === undefined || others.length > 0) throw new Malformed('not exactly one signature');
  if (!root.children.includes(signature)) throw new Malformed('the signature is no child of the document');
  const [signedInfo, value, keyInfo] = children(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo']);
  const [canonicalization, method, reference] = children(signedInfo, [
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  ]);
  expectAlgorithm(canonicalization, C14N_1_1);
  expectAlgorithm(method, ECDSA_SHA384);
  expectAttributes(reference, { URI: '' });
  const [transforms, digestMethod, digestValue] = children(reference, ['Transforms', 'DigestMethod', 'DigestValue']);
  const [enveloped, canonical] = children(transforms, ['Transform', 'Transform']);
  expectAlgorithm(enveloped, ENVELOPED);
  expectAlgorithm(canonical, C14N_1_1);
  expectAlgorithm(digestMethod, SHA384);
  for (const plain of [signature, signedInfo, value, keyInfo, transforms, digestValue]) expectAttributes(plain, {});
  return {
    signed: Buffer.from(canonicalXml(signedInfo)),
    signature: base64(value),
    statedDigest: base64(digestValue),
    digest: createHash('sha384').update(canonicalXml(root, signature)).digest(),
    certificates: certificatesIn(keyInfo),
  };
}

/** What keeps the document from being what `signer` signed; null: nothing. */
export function xmlSignatureFault(parsed: XmlSignature, signer: Certificate | undefined): string | null {
  if (Buffer.compare(parsed.digest, parsed.statedDigest) !== 0) return 'the document is not what was signed';
  const holds = rawSignatureHolds('sha384', parsed.signed, parsed.signature, signer?.publicKey ?? null);
  return holds ? null : 'the signature is not by its certificate';
}

function signaturesIn(element: XmlElement): XmlElement[] {
  const own = element.local === 'Signature' ? [element] : [];
  return [...own, ...element.children.flatMap((child) => (typeof child === 'string' ? [] : signaturesIn(child)))];
}

function certificatesIn(keyInfo: XmlElement): Certificate[] {
  const [data] = children(keyInfo, ['X509Data']);
  const items = elementContent(data);
  if (items.length === 0 || items.length > MAX_CERTIFICATES) throw new Malformed('signature has no certificates');
  return items.map((item) => {
    if (item.local !== 'X509Certificate' || item.namespace !== DSIG) throw new Malformed('key is no certificate');
    return readCertificate(base64(item));
  });
}

type Named<Names extends readonly string[]> = { readonly [Index in keyof Names]: XmlElement };

/** Exactly these elements of the signature's namespace in this order. */
function children<const Names extends readonly string[]>(parent: XmlElement, names: Names): Named<Names> {
  const found = elementContent(parent);
  const same = found.length === names.length && found.every(({ local }, index) => local === names[index]);
  if (!same || found.some(({ namespace }) => namespace !== DSIG)) {
    throw new Malformed(`${parent.local} has other parts than ${names.join(', ')}`);
  }
  return found as unknown as Named<Names>;
}

function expectAlgorithm(element: XmlElement, algorithm: string): void {
  expectAttributes(element, { Algorithm: algorithm });
  if (element.children.length > 0) throw new Malformed(`${element.local} has parameters`);
}

function expectAttributes({ local, attributes }: XmlElement, wanted: Readonly<Record<string, string>>): void {
  const fits = attributes.every(({ prefix, local: name, value }) => prefix === '' && wanted[name] === value);
  if (!fits || attributes.length !== Object.keys(wanted).length) throw new Malformed(`${local} has other attributes`);
}

/** White space between the digits is allowed (RFC 2045), nothing else that does not stand for a byte. */
function base64(element: XmlElement): Uint8Array {
  const digits = textContent(element).replace(/[ \t\n]/g, '');
  const bytes = Buffer.from(digits, 'base64');
  if (digits === '' || bytes.toString('base64') !== digits) throw new Malformed(`${element.local} is not Base64`);
  return bytes;
}
