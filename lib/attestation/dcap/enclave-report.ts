import { ByteReader } from '../formats/byte-reader.ts';

export const ENCLAVE_REPORT_BYTES = 384;

/** An SGX report body (Intel SDM vol. 3D §38.15, REPORT; `sgx_report_body_t`), of an application or a quoting enclave. */
export interface EnclaveReport {
  /** What is signed. */
  readonly bytes: Uint8Array;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  readonly miscSelect: number;
  /** 16 bytes. */
  readonly isvExtProdId: Uint8Array;
  /** 16 bytes: 8 of flags, 8 of XFRM. */
  readonly attributes: Uint8Array;
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array;
  /** 32 bytes. */
  readonly mrSigner: Uint8Array;
  /** 64 bytes. */
  readonly configId: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  /** 16 bytes. */
  readonly isvFamilyId: Uint8Array;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
}

/** Reads 384 bytes; throws Malformed. */
export function readEnclaveReport(source: ByteReader): EnclaveReport {
  const bytes = source.take(ENCLAVE_REPORT_BYTES);
  const reader = new ByteReader(bytes);
  const cpuSvn = reader.take(16);
  const miscSelect = reader.u32le();
  reader.take(12);
  const isvExtProdId = reader.take(16);
  const attributes = reader.take(16);
  const mrEnclave = reader.take(32);
  reader.take(32);
  const mrSigner = reader.take(32);
  reader.take(32);
  const configId = reader.take(64);
  const isvProdId = reader.u16le();
  const isvSvn = reader.u16le();
  const configSvn = reader.u16le();
  reader.take(42);
  const isvFamilyId = reader.take(16);
  const reportData = reader.take(64);
  return {
    bytes,
    cpuSvn,
    miscSelect,
    isvExtProdId,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    isvFamilyId,
    reportData,
  };
}

/** Bits of ATTRIBUTES.FLAGS (Intel SDM vol. 3D §34.7.1), bit 0 first. */
export const SGX_ATTRIBUTE = {
  init: 0,
  debug: 1,
  mode64: 2,
  provisionKey: 4,
  einittokenKey: 5,
  cet: 6,
  kss: 7,
  aexNotify: 10,
} as const;

/** Whether a bit of a little-endian bit field is set. */
export const bitOf = (field: Uint8Array, bit: number): boolean => (((field[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
