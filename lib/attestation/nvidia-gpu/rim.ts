import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { perItem } from '../formats/per-item.ts';
import { elementContent, readXml, type XmlElement } from '../formats/xml.ts';
import { readXmlSignature, type XmlSignature } from './xml-signature.ts';

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
/** NVIDIA puts the hashes into a namespace named after their algorithm. */
const HASHES = 'http://www.w3.org/2001/04/xmlenc#sha384';
const SHA384_HEX = /^[0-9a-f]{96}$/;
const MAX_INDEX = 253;

/** What one measurement may be. */
export interface GoldenMeasurement {
  /** From 0; a report counts from 1. */
  readonly index: number;
  readonly name: string;
  /** Any of these, SHA-384 in lower-case hexadecimal; at least one. */
  readonly alternatives: readonly string[];
}

/** A reference integrity manifest (SWID tag, ISO/IEC 19770-2), parsed; believed only after its checks. */
export interface Rim {
  /** GH100, GB100, LS10 … */
  readonly product: string;
  /** GPU or SWITCH. */
  readonly edition: string;
  /** Driver or firmware version as the report writes it. */
  readonly version: string;
  readonly tagId: string;
  /** Active measurements by index. Inactive ones are not compared by anybody. */
  readonly golden: ReadonlyMap<number, GoldenMeasurement>;
  readonly signature: XmlSignature;
}

/** Total; E-ATTEST-MALFORMED for anything that is not one signed manifest in NVIDIA's form. */
export const parseRim = (text: string): Result<Rim, Refusal> => total('RIM', () => readRim(text));

/** As parseRim, once per item. */
export const rimOf = perItem(({ text }: { readonly text: string }) => parseRim(text));

function readRim(text: string): Rim {
  const root = readXml(text);
  if (root.local !== 'SoftwareIdentity' || root.namespace !== SWID) throw new Malformed('no SWID tag');
  const signature = readXmlSignature(root);
  const parts = elementContent(root).filter(({ namespace }) => namespace === SWID);
  const names = parts.map(({ local }) => local).sort();
  if (parts.length !== elementContent(root).length - 1 || names.join() !== 'Entity,Meta,Payload') {
    throw new Malformed('not exactly one Entity, Meta and Payload');
  }
  const part = (local: string): XmlElement => parts.find((element) => element.local === local) ?? root;
  const meta = part('Meta');
  const golden = new Map<number, GoldenMeasurement>();
  const seen = new Set<number>();
  for (const resource of elementContent(part('Payload'))) {
    const { index, active, measurement } = readResource(resource);
    if (seen.has(index)) throw new Malformed(`measurement ${index} stands twice`);
    seen.add(index);
    if (active) golden.set(index, measurement);
  }
  return {
    product: attribute(meta, 'product'),
    edition: attribute(meta, 'edition'),
    version: attribute(meta, 'colloquialVersion').toUpperCase(),
    tagId: attribute(root, 'tagId'),
    golden,
    signature,
  };
}

function readResource(resource: XmlElement): { index: number; active: boolean; measurement: GoldenMeasurement } {
  if (resource.local !== 'Resource' || resource.namespace !== SWID || resource.children.length > 0) {
    throw new Malformed('payload holds something else than resources');
  }
  if (attribute(resource, 'type') !== 'Measurement' || attribute(resource, 'size') !== '48') {
    throw new Malformed('resource is no SHA-384 measurement');
  }
  const index = wholeNumber(resource, 'index', MAX_INDEX);
  const active = attribute(resource, 'active');
  if (active !== 'True' && active !== 'False') throw new Malformed(`measurement ${index} is neither active nor not`);
  const count = wholeNumber(resource, 'alternatives', 32);
  const hashes = new Map(
    resource.attributes.flatMap(({ namespace, local, value }) =>
      namespace === HASHES ? [[local, value.toLowerCase()]] : [],
    ),
  );
  const alternatives = Array.from({ length: count }, (_, number) => hashes.get(`Hash${number}`) ?? '');
  if (count === 0 || hashes.size !== count || !alternatives.every((hash) => SHA384_HEX.test(hash))) {
    throw new Malformed(`measurement ${index} has other alternatives than it says`);
  }
  return { index, active: active === 'True', measurement: { index, name: attribute(resource, 'name'), alternatives } };
}

function wholeNumber(element: XmlElement, name: string, most: number): number {
  const text = attribute(element, name);
  const value = /^\d{1,3}$/.test(text) ? Number(text) : Infinity;
  if (value > most) throw new Malformed(`${name} is no number up to ${most}`);
  return value;
}

/** An attribute without prefix. */
function attribute(element: XmlElement, name: string): string {
  const found = element.attributes.find(({ prefix, local }) => prefix === '' && local === name);
  if (found === undefined) throw new Malformed(`${element.local} has no ${name}`);
  return found.value;
}
