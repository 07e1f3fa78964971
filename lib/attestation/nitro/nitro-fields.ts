import { toHex } from '../../core/bytes.ts';
import type { ParsedField } from '../parsed-field.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { NitroDocument } from './nitro-document.ts';

const SHOWN_BYTES = 64;
/** AWS user guide, "Cryptographic attestation": what the hypervisor puts into each register. */
const PCR_MEANINGS: Readonly<Record<number, string>> = {
  0: 'digest of the whole enclave image',
  1: 'digest of kernel and boot ramdisk',
  2: 'digest of the application',
  3: 'digest of the IAM role of the parent instance; zero: none',
  4: 'digest of the id of the parent instance',
  8: 'digest of the certificate that signed the image; zero: not signed',
};

/** Every field of a document, for `consilium attest show`. */
export function nitroFields(document: NitroDocument): ParsedField[] {
  const { bytes, cose, moduleId, timestamp, pcrs, leaf, authorities, publicKey, userData, nonce } = document;
  const field = (name: string, value: Uint8Array | null, meaning: string): ParsedField => ({
    name,
    offset: value === null ? null : value.byteOffset - bytes.byteOffset,
    value: value === null ? 'null' : shown(value),
    meaning,
  });
  const certificate = (name: string, { der, subjectCommonName, notBefore, notAfter }: Certificate): ParsedField =>
    field(name, der, `${subjectCommonName}, valid from ${iso(notBefore)} to ${iso(notAfter)}`);
  return [
    field('protected', cose.protectedHeader, `COSE algorithm ${cose.algorithm}; -35 is ECDSA P-384 with SHA-384`),
    field('payload', cose.payload, 'the signed map of everything below, CBOR'),
    { name: 'module_id', offset: null, value: moduleId, meaning: 'parent instance and enclave' },
    { name: 'digest', offset: null, value: 'SHA384', meaning: 'digest of the registers' },
    { name: 'timestamp', offset: null, value: `${timestamp}`, meaning: iso(timestamp) },
    ...[...pcrs].map(([index, value]) =>
      field(`pcrs[${index}]`, value, PCR_MEANINGS[index] ?? (index < 16 ? 'reserved' : 'written by the application')),
    ),
    certificate('certificate', leaf),
    ...authorities.map((authority, index) => certificate(`cabundle[${index}]`, authority)),
    field('public_key', publicKey, 'given by the application, for answers that only it can read'),
    field('user_data', userData, 'given by the application'),
    field('nonce', nonce, "given by the application: the verifier's nonce"),
    field('signature', cose.signature, 'r then s of ECDSA P-384 over protected header and payload'),
  ];
}

const shown = (bytes: Uint8Array): string =>
  bytes.length > SHOWN_BYTES ? `${toHex(bytes.subarray(0, SHOWN_BYTES))}… (${bytes.length} bytes)` : toHex(bytes);

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
