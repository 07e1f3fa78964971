import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { parseQuote, type Quote } from '../dcap/quote.ts';
import { decodeText, jsonObject, textOf } from '../formats/encoded-text.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { readSnpEvidence, type SnpEvidence } from '../sev-snp/evidence.ts';
import { readPem } from '../x509/pem.ts';
import { isObject, looksLikeHcl, readHclReport, type HclReport } from './hcl-report.ts';
import { PCRS, readTpmQuote, type TpmQuote } from './tpm-quote.ts';

/** JSON with every byte written out as a number stays below 40 KiB. */
const MAX_BYTES = 256 * 1024;
const OPENING_BRACE = 0x7b;

/** The hardware report inside the HCL report; for Intel, with the quote that makes it verifiable elsewhere, if given. */
export type ProcessorEvidence =
  { readonly kind: 'sev-snp'; readonly evidence: SnpEvidence } | { readonly kind: 'tdx'; readonly quote: Quote | null };

export interface AzureEvidence {
  readonly hcl: HclReport;
  /** Null: only the HCL report was given. */
  readonly tpm: TpmQuote | null;
  readonly processor: ProcessorEvidence;
  /** Certificates that came along, DER, unverified. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * An HCL report alone, or the JSON of confidential-containers/trustee and attestation-rs: HCL report, TPM quote with
 * its register values, and VCEK or TDX quote; byte strings as hexadecimal, Base64 or lists of numbers.
 * E-ATTEST-MALFORMED.
 */
export const parseAzureEvidence = (bytes: Uint8Array): Result<AzureEvidence, Refusal> =>
  total('Azure evidence', () => {
    if (bytes.length > MAX_BYTES) throw new Malformed('larger than 256 KiB');
    if (looksLikeHcl(bytes)) return fromParts(bytes, null, null, []);
    const whole = jsonObject(textOf(bytes) ?? '');
    if (whole === null) throw new Malformed('neither an HCL report nor a JSON object');
    const { evidence: wrapped } = whole;
    const parts = isObject(wrapped) ? wrapped : whole;
    const quote = parts['tpm_quote'] ?? parts['quote'];
    const { td_quote: tdQuote, vcek } = parts;
    return fromParts(
      byteString(parts['hcl_report'] ?? parts['report'], 'hcl_report'),
      quote === undefined ? null : fromQuote(quote),
      tdQuote === undefined ? null : byteString(tdQuote, 'td_quote'),
      vcek === undefined ? [] : certificatesOf(vcek),
    );
  });

/** An HCL report, or JSON that has the register values of a TPM beside one. */
export function looksLikeAzure(bytes: Uint8Array): boolean {
  if (looksLikeHcl(bytes)) return true;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const brace = text.indexOf(OPENING_BRACE);
  const json = brace >= 0 && text.subarray(0, brace).every((byte) => byte <= 0x20);
  return (
    json && bytes.length <= MAX_BYTES && text.includes('"pcrs"') && /"(?:hcl_)?report"/.test(text.toString('latin1'))
  );
}

function fromParts(
  hclReport: Uint8Array,
  tpm: TpmQuote | null,
  tdQuote: Uint8Array | null,
  certificates: readonly Uint8Array[],
): AzureEvidence {
  const hcl = readHclReport(hclReport);
  if (hcl.kind === 'tdx') return { hcl, tpm, processor: { kind: 'tdx', quote: readTdQuote(tdQuote) }, certificates };
  const evidence = readSnpEvidence(hcl.hardwareReport);
  return { hcl, tpm, processor: { kind: 'sev-snp', evidence }, certificates };
}

function readTdQuote(bytes: Uint8Array | null): Quote | null {
  if (bytes === null) return null;
  const quote = parseQuote(bytes, 'tdx');
  if (!quote.ok) throw new Malformed(quote.error.detail);
  return quote.value;
}

function fromQuote(quote: unknown): TpmQuote {
  if (!isObject(quote)) throw new Malformed('tpm_quote is no object');
  const { message, signature, pcrs } = quote;
  if (!Array.isArray(pcrs) || pcrs.length > PCRS) throw new Malformed('pcrs is no list of registers');
  return readTpmQuote(
    byteString(message, 'message'),
    byteString(signature, 'signature'),
    pcrs.map((value) => byteString(value, 'register')),
  );
}

function certificatesOf(value: unknown): Uint8Array[] {
  if (typeof value === 'string' && value.includes('-----BEGIN ')) {
    return readPem(value).flatMap(({ label, der }) => (label === 'CERTIFICATE' ? [der] : []));
  }
  return [byteString(value, 'vcek')];
}

function byteString(value: unknown, name: string): Uint8Array {
  const bytes = typeof value === 'string' ? decodeText(value) : byteList(value);
  if (bytes === null) throw new Malformed(`${name} is no byte string`);
  return bytes;
}

function byteList(value: unknown): Uint8Array | null {
  if (!Array.isArray(value)) return null;
  return value.every((item) => Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255)
    ? Uint8Array.from(value as number[])
    : null;
}
