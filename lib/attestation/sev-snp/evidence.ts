import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { readCertificateTable, type TableEntry } from './certificate-table.ts';
import { REPORT_BYTES, readReport, type SnpReport } from './report.ts';

/** Header of the firmware's MSG_REPORT_RSP before the report: status, size, reserved. */
const MESSAGE_HEADER_BYTES = 32;

export interface SnpEvidence {
  readonly report: SnpReport;
  /** What the host gave along, unverified; empty: nothing. */
  readonly certificates: readonly TableEntry[];
  /** Offset of the report and of the table in the evidence. */
  readonly reportOffset: number;
  readonly tableOffset: number;
}

/**
 * A report alone; a report and after it the certificate table of its host (configfs-tsm `outblob` ‖ `auxblob`); or
 * the firmware's message with a report inside, padded with zeros. A report starts with its version, 2 to 5, a message
 * with its status, 0: they cannot be taken for each other. E-ATTEST-MALFORMED.
 */
export const parseSnpEvidence = (bytes: Uint8Array): Result<SnpEvidence, Refusal> =>
  total('SEV-SNP evidence', () => readSnpEvidence(bytes));

/** For parsers of larger structures; throws Malformed. */
export function readSnpEvidence(bytes: Uint8Array): SnpEvidence {
  const reportOffset = isMessage(bytes) ? MESSAGE_HEADER_BYTES : 0;
  const tableOffset = reportOffset + REPORT_BYTES;
  const report = readReport(bytes.subarray(reportOffset, tableOffset));
  const rest = bytes.subarray(tableOffset);
  if (reportOffset > 0 && rest.some((byte) => byte !== 0)) throw new Malformed('bytes after the report', tableOffset);
  const certificates = reportOffset > 0 || rest.length === 0 ? [] : readCertificateTable(rest);
  return { report, certificates, reportOffset, tableOffset };
}

function isMessage(bytes: Uint8Array): boolean {
  if (bytes.length < MESSAGE_HEADER_BYTES + REPORT_BYTES) return false;
  const reader = new ByteReader(bytes);
  return reader.u32le() === 0 && reader.u32le() === REPORT_BYTES && reader.take(24).every((byte) => byte === 0);
}

/** By version and signature algorithm; cheap, and no verdict. */
export function looksLikeSnp(bytes: Uint8Array): boolean {
  if (isMessage(bytes)) return true;
  if (bytes.length < REPORT_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(0, true);
  return version >= 2 && version <= 5 && view.getUint32(0x34, true) === 1;
}
