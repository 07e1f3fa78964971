import { Der, TAG } from '../formats/der.ts';
import { total } from '../formats/malformed.ts';
import type { Certificate } from '../x509/certificate.ts';
import { PRODUCTS, titleOf, type Product } from './product.ts';

/** AMD's arc for the extensions of VCEK and VLEK certificates (KDS specification 57230 §3.1, §4.1). */
const ARC = '1.3.6.1.4.1.3704.1';
const PRODUCT_NAME = '2';
const HARDWARE_ID = '4';
const CSP_ID = '5';
const WRAPPED_LENGTHS: readonly number[] = [64 + 2, 8 + 2];
/** A product name is followed by a stepping on older certificates: `Milan-B0`. */
const STEPPING = /^-[A-Z][0-9]$/;

/** Chip key (VCEK) or key of a cloud provider (VLEK), by the extension that only one of them has; null: neither. */
export function keyKindOf({ extensions }: Certificate): 'VCEK' | 'VLEK' | null {
  const chip = extensions.has(`${ARC}.${HARDWARE_ID}`);
  const provider = extensions.has(`${ARC}.${CSP_ID}`);
  if (chip === provider) return null;
  return chip ? 'VCEK' : 'VLEK';
}

const valueOf = ({ extensions }: Certificate, arcs: string): Uint8Array | null =>
  extensions.get(`${ARC}.${arcs}`)?.value ?? null;

/**
 * The hardware id: 64 bytes, 8 on Turin. Some certificates hold it bare, others as an OCTET STRING, which its length
 * tells apart. Null: the extension is absent.
 */
export function hardwareIdOf(certificate: Certificate): Uint8Array | null {
  const value = valueOf(certificate, HARDWARE_ID);
  if (value === null || !WRAPPED_LENGTHS.includes(value.length)) return value;
  const read = total('hardware id', () => Der.read(value).octets('hardware id'));
  return read.ok ? read.value : value;
}

/** 0 to 255; null: the extension is absent or is no such DER integer. */
export function tcbNumberOf(certificate: Certificate, arcs: string): number | null {
  const value = valueOf(certificate, arcs);
  if (value === null) return null;
  const read = total('security version', () => Der.read(value).smallInteger('security version'));
  return read.ok && read.value <= 255 ? read.value : null;
}

/** The text of the product name; null: the extension is absent or no text. */
export const productNameOf = (certificate: Certificate): string | null => textOf(certificate, PRODUCT_NAME);

/** Which provider a VLEK belongs to; null: not said. */
export const providerOf = (certificate: Certificate): string | null => textOf(certificate, CSP_ID);

function textOf(certificate: Certificate, arcs: string): string | null {
  const value = valueOf(certificate, arcs);
  if (value === null) return null;
  const read = total('text', () => Der.read(value).expect(TAG.ia5, 'text').text('text'));
  return read.ok ? read.value : null;
}

/** The product that a certificate names; null: none, or one that is not known here. */
export function namedProduct(certificate: Certificate): Product | null {
  const name = productNameOf(certificate) ?? '';
  return (
    PRODUCTS.find((product) => {
      const title = titleOf(product);
      return name === title || (name.startsWith(title) && STEPPING.test(name.slice(title.length)));
    }) ?? null
  );
}
