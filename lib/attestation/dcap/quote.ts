import type { Refusal } from '../../core/errors.ts';
import type { Result } from '../../core/result.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed, total } from '../formats/malformed.ts';
import { readCertificate, type Certificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';
import { ENCLAVE_REPORT_BYTES, readEnclaveReport, type EnclaveReport } from './enclave-report.ts';
import { TD_REPORT_BYTES, readTdReport, type TdReport } from './td-report.ts';

/** Bytes of the largest quote that is read; real ones with their padding stay below 10 KiB. */
export const MAX_QUOTE_BYTES = 64 * 1024;
export const HEADER_BYTES = 48;
const ECDSA_P256 = 2;
const TEE_TYPE = { sgx: 0, tdx: 0x81 } as const;
const CERTIFICATION = { pckChain: 5, qeReport: 6 } as const;

export interface QuoteHeader {
  readonly version: 3 | 4 | 5;
  readonly tee: 'sgx' | 'tdx';
  /** 16 bytes; 939a7233… is Intel. */
  readonly qeVendorId: Uint8Array;
  /** 20 bytes. */
  readonly userData: Uint8Array;
}

/** An ECDSA quote of Intel DCAP, versions 3, 4 and 5, parsed; nothing in it is believed before `authenticateQuote`. */
export interface Quote {
  readonly header: QuoteHeader;
  readonly body: EnclaveReport | TdReport;
  readonly bodyOffset: number;
  /** Header and body: what the attestation key signed. */
  readonly signed: Uint8Array;
  /** Bytes of the quote before its signature data. */
  readonly signatureOffset: number;
  /** ECDSA P-256, r then s. */
  readonly signature: Uint8Array;
  /** P-256 point, x then y. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: EnclaveReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthenticationData: Uint8Array;
  /** 5: PEM chain of the PCK certificate; 1 to 3: only its identifiers, so that it must be given. */
  readonly certificationType: number;
  readonly certificationData: Uint8Array;
  /** PCK, its CA, the root, as the quote has them; null: certification data of another type. */
  readonly pckChain: readonly Certificate[] | null;
  /** Bytes after the signature data, which nobody signed: padding, or what was put behind the quote. */
  readonly trailing: Uint8Array;
}

export const isTdReport = (body: Quote['body']): body is TdReport => 'mrTd' in body;

/** Version 3, 4 or 5 with the ECDSA key type and a TEE type we know, of at least a header: no verdict. */
export function looksLikeQuote(bytes: Uint8Array, tee: 'sgx' | 'tdx'): boolean {
  if (bytes.length < HEADER_BYTES + ENCLAVE_REPORT_BYTES) return false;
  const [version = 0, high, keyType, keyHigh, type, ...rest] = bytes.subarray(0, 8);
  const versions = tee === 'sgx' ? [3, 4, 5] : [4, 5];
  return (
    versions.includes(version) &&
    high === 0 &&
    keyType === ECDSA_P256 &&
    keyHigh === 0 &&
    type === TEE_TYPE[tee] &&
    rest.every((byte) => byte === 0)
  );
}

/** Total; E-ATTEST-MALFORMED for anything that is not a quote of this TEE within 64 KiB. */
export const parseQuote = (bytes: Uint8Array, tee: 'sgx' | 'tdx'): Result<Quote, Refusal> =>
  total(`${tee.toUpperCase()} quote`, () => {
    const quote = readQuote(bytes);
    if (quote.header.tee !== tee) throw new Malformed(`this is evidence of ${quote.header.tee.toUpperCase()}`, 4);
    return quote;
  });

function readQuote(bytes: Uint8Array): Quote {
  if (bytes.length > MAX_QUOTE_BYTES) throw new Malformed('larger than 64 KiB');
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const { body, bodyOffset } = readBody(reader, header);
  const signed = bytes.subarray(0, reader.offset);
  const signatureOffset = reader.offset;
  const data = new ByteReader(reader.take(reader.u32le()));
  const trailing = reader.rest();
  const signature = data.take(64);
  const attestationKey = data.take(64);
  const inner = header.version === 3 ? data : wrapped(data);
  const qeReport = readEnclaveReport(inner);
  const qeReportSignature = inner.take(64);
  const qeAuthenticationData = inner.take(inner.u16le());
  const certificationType = inner.u16le();
  const certificationData = inner.take(inner.u32le());
  inner.end();
  const pckChain = certificationType === CERTIFICATION.pckChain ? readChain(certificationData) : null;
  return {
    header,
    body,
    bodyOffset,
    signed,
    signatureOffset,
    signature,
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthenticationData,
    certificationType,
    certificationData,
    pckChain,
    trailing,
  };
}

function readHeader(reader: ByteReader): QuoteHeader {
  const version = reader.u16le();
  if (version !== 3 && version !== 4 && version !== 5) throw new Malformed('quote version is not 3, 4 or 5', 0);
  if (reader.u16le() !== ECDSA_P256) throw new Malformed('attestation key is not ECDSA P-256', 2);
  const type = reader.u32le();
  if (type !== TEE_TYPE.sgx && (type !== TEE_TYPE.tdx || version === 3)) throw new Malformed('unknown TEE type', 4);
  reader.take(4);
  return {
    version,
    tee: type === TEE_TYPE.sgx ? 'sgx' : 'tdx',
    qeVendorId: reader.take(16),
    userData: reader.take(20),
  };
}

/** Version 5 says itself what body it has, and that is signed; before, the TEE type decides. */
function readBody(reader: ByteReader, { version, tee }: QuoteHeader): Pick<Quote, 'body' | 'bodyOffset'> {
  if (version !== 5) {
    const bodyOffset = reader.offset;
    return { bodyOffset, body: tee === 'sgx' ? readEnclaveReport(reader) : readTdReport(reader, '1.0') };
  }
  const type = reader.u16le();
  const size = reader.u32le();
  const bodyOffset = reader.offset;
  if (type === 1 && tee === 'sgx' && size === ENCLAVE_REPORT_BYTES) {
    return { bodyOffset, body: readEnclaveReport(reader) };
  }
  for (const [number, report] of [[2, '1.0'] as const, [3, '1.5'] as const]) {
    if (type === number && tee === 'tdx' && size === TD_REPORT_BYTES[report]) {
      return { bodyOffset, body: readTdReport(reader, report) };
    }
  }
  throw new Malformed('body type, its size and the TEE type do not go together', HEADER_BYTES);
}

/** Versions 4 and 5 wrap the QE report in certification data of type 6. */
function wrapped(data: ByteReader): ByteReader {
  if (data.u16le() !== CERTIFICATION.qeReport) throw new Malformed('certification data holds no QE report');
  const inner = new ByteReader(data.take(data.u32le()));
  data.end();
  return inner;
}

function readChain(pem: Uint8Array): Certificate[] {
  const blocks = readPem(Buffer.from(pem).toString('latin1'), 8);
  const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE').map(({ der }) => readCertificate(der));
  if (certificates.length === 0) throw new Malformed('certification data holds no certificate');
  return certificates;
}
