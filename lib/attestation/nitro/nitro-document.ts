import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { readCoseSign1, type CoseSign1 } from '../formats/cose-sign1.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { isCborArray, readCbor, type StrictCbor } from '../formats/strict-cbor.ts';
import { readCertificate, type Certificate } from '../x509/certificate.ts';

const MAX_DOCUMENT_BYTES = 64 * 1024;
const MAX_CERTIFICATE_BYTES = 1024;
/** AWS sends four: root, region, zone, instance. */
const MAX_AUTHORITIES = 16;
const MAX_MODULE_ID_CHARACTERS = 256;
const MAX_PCR_INDEX = 31;
/** SHA-384, the only digest that the Nitro module uses. */
export const PCR_BYTES = 48;
const SIGNATURE_BYTES = 96;
const KEYS = [
  ...['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'],
  ...['public_key', 'user_data', 'nonce'],
];

/** A Nitro attestation document (aws-nitro-enclaves-nsm-api, "Attestation process"), parsed and not yet believed. */
export interface NitroDocument {
  readonly bytes: Uint8Array;
  readonly cose: CoseSign1;
  readonly moduleId: string;
  /** Milliseconds since 1970, by the clock of the hypervisor. */
  readonly timestamp: number;
  /** 48 bytes each, by index 0 to 31, in the order of the document. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** Whose key signed the document. */
  readonly leaf: Certificate;
  /** `cabundle`, as received: root first. */
  readonly authorities: readonly Certificate[];
  /** At most 1024 bytes; null: none. */
  readonly publicKey: Uint8Array | null;
  /** At most 512 bytes each; null: none. */
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

/** Total; E-ATTEST-MALFORMED for anything that is not one document within 64 KiB and its parts' limits. */
export const parseNitroDocument = (bytes: Uint8Array): Result<NitroDocument, Refusal> =>
  total('Nitro document', () => {
    if (bytes.length > MAX_DOCUMENT_BYTES) throw new Malformed('larger than 64 KiB');
    const cose = readCoseSign1(bytes);
    if (cose.signature.length !== SIGNATURE_BYTES) throw new Malformed('the signature is not of 96 bytes');
    const payload = readCbor(cose.payload, { maxDepth: 2, maxItems: 256, indefiniteMap: true });
    if (!(payload instanceof Map)) throw new Malformed('the payload is no map');
    const fields = payload as ReadonlyMap<string | number, StrictCbor>;
    for (const key of fields.keys()) {
      if (!KEYS.includes(String(key))) throw new Malformed('the payload has a key that no document has');
    }
    if (fields.get('digest') !== 'SHA384') throw new Malformed('digest is not SHA384');
    return {
      bytes,
      cose,
      moduleId: moduleIdOf(fields.get('module_id')),
      timestamp: timestampOf(fields.get('timestamp')),
      pcrs: pcrsOf(fields.get('pcrs')),
      leaf: certificateOf(fields.get('certificate'), 'certificate'),
      authorities: authoritiesOf(fields.get('cabundle')),
      publicKey: optionalBytes(fields.get('public_key'), 1024, 'public_key'),
      userData: optionalBytes(fields.get('user_data'), 512, 'user_data'),
      nonce: optionalBytes(fields.get('nonce'), 512, 'nonce'),
    };
  });

function moduleIdOf(value: StrictCbor | undefined): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_MODULE_ID_CHARACTERS) return value;
  throw new Malformed('module_id is no text of 1 to 256 characters');
}

function timestampOf(value: StrictCbor | undefined): number {
  // The latest moment that a Date can hold.
  if (typeof value === 'number' && value > 0 && value <= 8.64e15) return value;
  throw new Malformed('timestamp is no moment after 1970');
}

function pcrsOf(value: StrictCbor | undefined): ReadonlyMap<number, Uint8Array> {
  if (!(value instanceof Map) || value.size === 0) throw new Malformed('pcrs is no map with entries');
  const pcrs = new Map<number, Uint8Array>();
  for (const [index, register] of value as ReadonlyMap<string | number, StrictCbor>) {
    if (typeof index !== 'number' || index < 0 || index > MAX_PCR_INDEX)
      throw new Malformed('a PCR index is not 0 to 31');
    if (!(register instanceof Uint8Array) || register.length !== PCR_BYTES)
      throw new Malformed('a PCR is not of 48 bytes');
    pcrs.set(index, register);
  }
  return pcrs;
}

function certificateOf(value: StrictCbor | undefined, what: string): Certificate {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length > MAX_CERTIFICATE_BYTES) {
    throw new Malformed(`${what} is no byte string of 1 to 1024 bytes`);
  }
  return readCertificate(value);
}

function authoritiesOf(value: StrictCbor | undefined): Certificate[] {
  if (!isCborArray(value) || value.length === 0 || value.length > MAX_AUTHORITIES) {
    throw new Malformed('cabundle is no list of 1 to 16 certificates');
  }
  return value.map((item) => certificateOf(item, 'a certificate of cabundle'));
}

function optionalBytes(value: StrictCbor | undefined, most: number, what: string): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array && value.length <= most) return value;
  throw new Malformed(`${what} is no byte string of at most ${most} bytes`);
}
