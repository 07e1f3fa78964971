import { toHex } from '../../core/bytes.ts';
import { Der, TAG } from '../formats/der.ts';
import { Malformed } from '../formats/malformed.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Intel's certificate extension (SGX PCK Certificate and CRL Profile, §1.3.5). */
export const SGX_EXTENSION = '1.2.840.113741.1.13.1';
const COMPONENTS = 16;

/** What Intel certifies about a platform, read from its PCK certificate. Byte strings are lower-case hexadecimal. */
export interface PckPlatform {
  /** 16 bytes, one per processor package set: names the machine. */
  readonly ppid: string;
  /** 16 numbers from 0 to 255. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** 2 bytes. */
  readonly pceId: string;
  /** 6 bytes: family, model, stepping, platform and SKU. */
  readonly fmspc: string;
  /** Standard, scalable, scalable with integrity. */
  readonly sgxType: number;
  /** 16 bytes; null: only certificates of the Platform CA have one. */
  readonly platformInstanceId: string | null;
  /** Null: the certificate does not say. */
  readonly dynamicPlatform: boolean | null;
  readonly cachedKeys: boolean | null;
  readonly smt: boolean | null;
}

/** Throws Malformed where the extension is absent or not as Intel's profile has it. */
export function readPckPlatform({ extensions }: Certificate): PckPlatform {
  const extension = extensions.get(SGX_EXTENSION);
  if (extension === undefined) throw new Malformed('the certificate has no SGX extension');
  const values = named(Der.read(extension.value), SGX_EXTENSION);
  const tcb = named(need(values, 2), `${SGX_EXTENSION}.2`);
  const configuration = values.get(7);
  const flags = configuration === undefined ? null : named(configuration, `${SGX_EXTENSION}.7`);
  const instance = values.get(6);
  const flag = (number: number): boolean | null => flags?.get(number)?.boolean('configuration flag') ?? null;
  return {
    ppid: hexOf(need(values, 1), 16),
    components: Array.from({ length: COMPONENTS }, (_, index) => bounded(need(tcb, index + 1), 0xff)),
    pceSvn: bounded(need(tcb, COMPONENTS + 1), 0xffff),
    pceId: hexOf(need(values, 3), 2),
    fmspc: hexOf(need(values, 4), 6),
    sgxType: need(values, 5).smallInteger('SGX type', TAG.enumerated),
    platformInstanceId: instance === undefined ? null : hexOf(instance, 16),
    dynamicPlatform: flag(1),
    cachedKeys: flag(2),
    smt: flag(3),
  };
}

/** A SEQUENCE of pairs whose identifiers are `prefix` and one number: the values by that number. */
function named(list: Der, prefix: string): ReadonlyMap<number, Der> {
  const found = new Map<number, Der>();
  for (const item of list.expect(TAG.sequence, 'SGX extension').children()) {
    const pair = item.sequence('SGX extension item');
    const id = pair.next('identifier').oid('SGX extension identifier');
    const value = pair.next('value');
    pair.end();
    const number = id.startsWith(`${prefix}.`) ? Number(id.slice(prefix.length + 1)) : NaN;
    if (!Number.isInteger(number)) throw new Malformed(`${id} does not belong in the SGX extension`);
    if (found.has(number)) throw new Malformed(`${id} stands twice`);
    found.set(number, value);
  }
  return found;
}

function need(values: ReadonlyMap<number, Der>, number: number): Der {
  const value = values.get(number);
  if (value === undefined) throw new Malformed(`the SGX extension lacks item ${number}`);
  return value;
}

function hexOf(value: Der, length: number): string {
  const bytes = value.octets('SGX extension value');
  if (bytes.length !== length) throw new Malformed(`an SGX extension value is not ${length} bytes`);
  return toHex(bytes);
}

function bounded(value: Der, most: number): number {
  const number = value.smallInteger('security version');
  if (number > most) throw new Malformed('a security version is out of range');
  return number;
}
