import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed } from '../formats/malformed.ts';

export const MAX_REPORT_BYTES = 32 * 1024;
const SPDM_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
/** GET_MEASUREMENTS param1: a signature is asked for; param2: of all measurements. */
const SIGNATURE_REQUESTED = 0x01;
const ALL_MEASUREMENTS = 0xff;
/** MeasurementSpecification: DMTF. */
const DMTF = 0x01;
const DMTF_HEADER_BYTES = 3;
const SIGNATURE_BYTES = 96;

export const NONCE_BYTES = 32;

/** One measurement block (DSP0274 1.1 §10.11.1, DMTF specification). */
export interface MeasurementBlock {
  /** 1 to 254 as on the wire; a RIM counts from 0. */
  readonly index: number;
  /** DMTFSpecMeasurementValueType. */
  readonly type: number;
  readonly value: Uint8Array;
  /** Of the value, in the report. */
  readonly offset: number;
}

/** One type-length-value of NVIDIA's opaque data. */
export interface OpaqueField {
  readonly type: number;
  readonly data: Uint8Array;
  /** Of the data, in the report. */
  readonly offset: number;
}

/** What NVIDIA calls an attestation report: an SPDM 1.1 request, its response and the signature over both. */
export interface SpdmReport {
  /** Request, response and signature, without padding. */
  readonly bytes: Uint8Array;
  /** What the signature is over: everything before it. */
  readonly signed: Uint8Array;
  /** ECDSA P-384, r then s. */
  readonly signature: Uint8Array;
  /** The verifier's nonce, 32 bytes. */
  readonly requestNonce: Uint8Array;
  /** The device's own nonce, 32 bytes; says nothing about freshness. */
  readonly responseNonce: Uint8Array;
  /** Slot of the certificate chain. */
  readonly slot: number;
  readonly blocks: readonly MeasurementBlock[];
  readonly opaque: readonly OpaqueField[];
  /** Where the response starts, its blocks end, and so on: for `fields`. */
  readonly offsets: { readonly responseNonce: number; readonly opaque: number; readonly signature: number };
  /** One zero byte followed the signature, as some collectors leave it: tolerated, and reported. */
  readonly padded: boolean;
}

/** One report whose lengths fit exactly. Throws Malformed. */
export function readSpdmReport(bytes: Uint8Array): SpdmReport {
  if (bytes.length > MAX_REPORT_BYTES) throw new Malformed('larger than 32 KiB');
  const reader = new ByteReader(bytes);
  const request = readRequest(reader);
  const { count, recordBytes } = readResponseHeader(reader);
  const blocks = readBlocks(reader, count, recordBytes);
  const responseNonceOffset = reader.offset;
  const responseNonce = reader.take(NONCE_BYTES);
  const opaqueBytes = reader.u16le();
  const opaqueOffset = reader.offset;
  const opaque = readOpaque(reader, opaqueBytes);
  const signatureOffset = reader.offset;
  const signature = reader.take(SIGNATURE_BYTES);
  const end = reader.offset;
  const padded = reader.left === 1;
  if (padded) reader.zeros(1, 'padding');
  reader.end();
  return {
    bytes: bytes.subarray(0, end),
    signed: bytes.subarray(0, signatureOffset),
    signature,
    ...request,
    responseNonce,
    blocks,
    opaque,
    offsets: { responseNonce: responseNonceOffset, opaque: opaqueOffset, signature: signatureOffset },
    padded,
  };
}

function readRequest(reader: ByteReader): Pick<SpdmReport, 'requestNonce' | 'slot'> {
  if (reader.u8() !== SPDM_1_1 || reader.u8() !== GET_MEASUREMENTS) throw new Malformed('no SPDM 1.1 request', 0);
  if (reader.u8() !== SIGNATURE_REQUESTED) throw new Malformed('no signature was asked for', 2);
  if (reader.u8() !== ALL_MEASUREMENTS) throw new Malformed('not all measurements were asked for', 3);
  return { requestNonce: reader.take(NONCE_BYTES), slot: reader.u8() };
}

function readResponseHeader(reader: ByteReader): { count: number; recordBytes: number } {
  const start = reader.offset;
  if (reader.u8() !== SPDM_1_1 || reader.u8() !== MEASUREMENTS) throw new Malformed('no SPDM 1.1 response', start);
  reader.take(2);
  return { count: reader.u8(), recordBytes: reader.u24le() };
}

function readBlocks(reader: ByteReader, count: number, recordBytes: number): MeasurementBlock[] {
  const start = reader.offset;
  const blocks: MeasurementBlock[] = [];
  const seen = new Set<number>();
  for (let read = 0; read < count; read++) {
    const at = reader.offset;
    const index = reader.u8();
    if (reader.u8() !== DMTF) throw new Malformed('measurement of another specification', at);
    const size = reader.u16le();
    const type = reader.u8();
    const valueBytes = reader.u16le();
    if (size !== DMTF_HEADER_BYTES + valueBytes) throw new Malformed('measurement states two lengths', at);
    if (index === 0 || index === 0xff || seen.has(index))
      throw new Malformed('measurement index is not allowed or used twice', at);
    seen.add(index);
    blocks.push({ index, type, offset: reader.offset, value: reader.take(valueBytes) });
  }
  if (reader.offset - start !== recordBytes) throw new Malformed('measurement record states another length', start);
  return blocks;
}

function readOpaque(reader: ByteReader, length: number): OpaqueField[] {
  const end = reader.offset + length;
  const fields: OpaqueField[] = [];
  const seen = new Set<number>();
  while (reader.offset < end) {
    const at = reader.offset;
    const type = reader.u16le();
    const size = reader.u16le();
    if (seen.has(type)) throw new Malformed(`opaque field ${type} stands twice`, at);
    seen.add(type);
    fields.push({ type, offset: reader.offset, data: reader.take(size) });
  }
  if (reader.offset !== end) throw new Malformed('opaque data states another length', end);
  return fields;
}
