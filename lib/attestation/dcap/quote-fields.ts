import { toHex } from '../../core/bytes.ts';
import type { ParsedField } from '../parsed-field.ts';
import { bitOf, SGX_ATTRIBUTE, type EnclaveReport } from './enclave-report.ts';
import type { Quote } from './quote.ts';

/** `[name, offset in the structure, value, meaning]`. */
export type FieldRow = readonly [name: string, offset: number, value: Uint8Array | number, meaning: string];

/** Rows with their offsets from the start of the evidence. */
export const placed = (prefix: string, base: number, rows: readonly FieldRow[]): ParsedField[] =>
  rows.map(([name, offset, value, meaning]) => ({
    name: `${prefix}.${name}`,
    offset: base + offset,
    value: typeof value === 'number' ? `${value}` : toHex(value),
    meaning,
  }));

/** The names of the set bits, others by their number. */
export function bitNames(field: Uint8Array, names: Readonly<Record<string, number>>): string {
  const byBit = new Map(Object.entries(names).map(([name, bit]) => [bit, name]));
  const set = Array.from({ length: 8 * field.length }, (_, bit) => bit).filter((bit) => bitOf(field, bit));
  return set.length === 0 ? 'none set' : set.map((bit) => byBit.get(bit) ?? `bit ${bit}`).join(', ');
}

export const enclaveReportFields = (prefix: string, base: number, report: EnclaveReport): ParsedField[] =>
  placed(prefix, base, [
    ['cpusvn', 0, report.cpuSvn, 'microcode security version, raw'],
    ['miscselect', 16, report.miscSelect, 'what the processor saves on an exception'],
    ['isvextprodid', 32, report.isvExtProdId, 'extended product id (KSS)'],
    ['attributes', 48, report.attributes, bitNames(report.attributes.subarray(0, 8), SGX_ATTRIBUTE)],
    ['mrenclave', 64, report.mrEnclave, 'SHA-256 of the program and its layout'],
    ['mrsigner', 128, report.mrSigner, 'SHA-256 of the key that signed the program'],
    ['configid', 192, report.configId, 'configuration given at launch (KSS)'],
    ['isvprodid', 256, report.isvProdId, "product number among the signer's programs"],
    ['isvsvn', 258, report.isvSvn, "security version, by the signer's own count"],
    ['configsvn', 260, report.configSvn, 'security version of the configuration (KSS)'],
    ['isvfamilyid', 304, report.isvFamilyId, 'product family (KSS)'],
    ['report_data', 320, report.reportData, 'what the program put in'],
  ]);

/** The header, and after the platform's own body what signs it. */
export function quoteFields(quote: Quote, body: readonly ParsedField[]): ParsedField[] {
  const { header, signatureOffset, qeReport, qeAuthenticationData, certificationType, pckChain, trailing } = quote;
  const inner = signatureOffset + 4 + 128 + (header.version === 3 ? 0 : 6);
  const afterAuthentication = inner + 384 + 64 + 2 + qeAuthenticationData.length;
  const end = afterAuthentication + 6 + quote.certificationData.length;
  return [
    ...placed('header', 0, [
      ['version', 0, header.version, 'layout of the quote'],
      ['attestation_key_type', 2, 2, 'ECDSA on P-256'],
      ['tee_type', 4, header.tee === 'sgx' ? 0 : 0x81, header.tee.toUpperCase()],
      ['qe_vendor_id', 12, header.qeVendorId, 'vendor of the quoting enclave'],
      ['user_data', 28, header.userData, 'identifier of the quoting enclave for this platform'],
    ]),
    ...body,
    ...placed('signature', signatureOffset, [
      ['signature', 4, quote.signature, 'ECDSA over header and body'],
      ['attestation_key', 68, quote.attestationKey, 'P-256 point'],
    ]),
    ...enclaveReportFields('qe_report', inner, qeReport),
    ...placed('qe', inner, [
      ['report_signature', 384, quote.qeReportSignature, 'ECDSA by the PCK'],
      ['authentication_data', 450, qeAuthenticationData, 'hashed together with the attestation key'],
    ]),
    ...placed('certification', afterAuthentication, [
      ['type', 0, certificationType, certificationType === 5 ? 'PCK certificate chain' : 'no PCK certificate inside'],
    ]),
    ...(pckChain ?? []).map((certificate, index) => ({
      name: `certification.certificate${index}`,
      offset: null,
      value: certificate.fingerprint,
      meaning: `${certificate.subjectCommonName}, until ${new Date(certificate.notAfter).toISOString()}`,
    })),
    ...(trailing.length === 0
      ? []
      : placed('trailing', end, [['bytes', 0, trailing.length, 'bytes after the quote that nobody signed']])),
  ];
}
