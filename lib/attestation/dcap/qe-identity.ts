import { toHex } from '../../core/bytes.ts';
import { Malformed } from '../formats/malformed.ts';
import type { EnclaveReport } from './enclave-report.ts';
import type { JsonObject } from './intel-json.ts';
import { readDates, readSvnLevels, type AnswerDates, type SvnLevel } from './tcb-info.ts';

/** Which enclaves are Intel's quoting enclave (Intel PCS API v4, EnclaveIdentity version 2). */
export interface QeIdentity extends AnswerDates {
  readonly tee: 'sgx' | 'tdx';
  /** 4 bytes each, as they lie in memory. */
  readonly miscSelect: Uint8Array;
  readonly miscSelectMask: Uint8Array;
  /** 16 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  /** 32 bytes, lower-case hexadecimal. */
  readonly mrSigner: string;
  readonly isvProdId: number;
  /** In Intel's order: newest first. */
  readonly levels: readonly SvnLevel[];
}

/** Throws Malformed. */
export function readQeIdentity(identity: JsonObject): QeIdentity {
  if (identity.number('version', 0xff) !== 2) throw new Malformed('QE identity is not of version 2');
  const id = identity.text('id');
  if (id !== 'QE' && id !== 'TD_QE') throw new Malformed('identity of another enclave than a quoting enclave');
  return {
    tee: id === 'QE' ? 'sgx' : 'tdx',
    ...readDates(identity),
    miscSelect: identity.bytes('miscselect', 4),
    miscSelectMask: identity.bytes('miscselectMask', 4),
    attributes: identity.bytes('attributes', 16),
    attributesMask: identity.bytes('attributesMask', 16),
    mrSigner: toHex(identity.bytes('mrsigner', 32)),
    isvProdId: identity.number('isvprodid', 0xffff),
    levels: readSvnLevels(identity),
  };
}

/**
 * In what the quoting enclave differs from the identity; empty: it is Intel's. Without this anyone with an enclave on a
 * genuine machine signs quotes (CVE-2026-22696).
 */
export function identityFaults(report: EnclaveReport, identity: QeIdentity): string[] {
  const miscSelect = report.bytes.subarray(16, 20);
  return [
    ...(maskedEqual(miscSelect, identity.miscSelectMask, identity.miscSelect) ? [] : ['MISCSELECT']),
    ...(maskedEqual(report.attributes, identity.attributesMask, identity.attributes) ? [] : ['ATTRIBUTES']),
    ...(toHex(report.mrSigner) === identity.mrSigner ? [] : ['MRSIGNER']),
    ...(report.isvProdId === identity.isvProdId ? [] : ['ISVPRODID']),
  ];
}

/** `value & mask` equals `want`; all three of one length. */
export const maskedEqual = (value: Uint8Array, mask: Uint8Array, want: Uint8Array): boolean =>
  value.length === mask.length &&
  value.length === want.length &&
  value.every((byte, index) => (byte & (mask[index] ?? 0)) === want[index]);
