import { z } from 'zod';
import {
  bytesUpTo,
  count,
  decodeDocument,
  digest,
  encodeDocument,
  instant,
  publicKey,
  signature,
  text,
} from '../../contract/shapes.ts';
import type { Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { exactBytes } from '../exact-bytes.ts';
import { REPORT_DATA_BYTES } from '../report-data.ts';

const MAX_PART_BYTES = 4096;
const LIMITS = { maxBytes: 3 * MAX_PART_BYTES, maxDepth: 2 };
const CODE = 'E-ATTEST-MALFORMED';

export const outer = z.strictObject({
  format: z.literal('consilium/simulated-evidence/v1'),
  certificate: bytesUpTo(MAX_PART_BYTES),
  certificateSignature: signature,
  quote: bytesUpTo(MAX_PART_BYTES),
  quoteSignature: signature,
});

/** Signed by the root: this key belongs to this machine. */
export const chipCertificate = z.strictObject({
  format: z.literal('consilium/simulated-chip/v1'),
  instance: text,
  chipKey: publicKey,
  notBefore: instant,
  notAfter: instant,
});
export type ChipCertificate = z.output<typeof chipCertificate>;

/** Signed by the chip: this program runs here and asked for this report data. */
export const quote = z.strictObject({
  format: z.literal('consilium/simulated-quote/v1'),
  measurement: digest,
  debug: z.boolean(),
  svn: count,
  role: z.enum(['enclave', 'site']),
  reportData: exactBytes(REPORT_DATA_BYTES),
  issuedAt: instant,
});
export type SimulatedQuote = z.output<typeof quote>;

export const encodeChipCertificate = (fields: Omit<ChipCertificate, 'format'>): Uint8Array =>
  encodeDocument({ format: 'consilium/simulated-chip/v1', ...fields });
export const encodeQuote = (fields: Omit<SimulatedQuote, 'format'>): Uint8Array =>
  encodeDocument({ format: 'consilium/simulated-quote/v1', ...fields });

export type SignedParts = Omit<z.output<typeof outer>, 'format'>;
export const encodeSimulatedEvidence = (parts: SignedParts): Uint8Array =>
  encodeDocument({ format: 'consilium/simulated-evidence/v1', ...parts });

/** The structure of simulated evidence. Nothing in it is to be believed before authentication. */
export interface SimulatedEvidence {
  readonly signed: SignedParts;
  readonly certificate: ChipCertificate;
  readonly quote: SimulatedQuote;
}

/** parse: bytes → structure. Total; E-ATTEST-MALFORMED. */
export function parseSimulated(bytes: Uint8Array): Result<SimulatedEvidence, Refusal> {
  const signed = decodeDocument(outer, bytes, { code: CODE, limits: LIMITS });
  if (!signed.ok) return err({ ...signed.error, detail: `evidence: ${signed.error.detail}` });
  const certificate = decodeDocument(chipCertificate, signed.value.certificate, { code: CODE, limits: LIMITS });
  if (!certificate.ok) return err({ ...certificate.error, detail: `certificate: ${certificate.error.detail}` });
  const said = decodeDocument(quote, signed.value.quote, { code: CODE, limits: LIMITS });
  if (!said.ok) return err({ ...said.error, detail: `quote: ${said.error.detail}` });
  return ok({ signed: signed.value, certificate: certificate.value, quote: said.value });
}
