import { utf8 } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Collateral } from './collateral/collateral.ts';
import { readCollateral } from './collateral/read-collateral.ts';
import { decodeText, textOf } from './formats/encoded-text.ts';
import { total } from './formats/malformed.ts';
import { recognisedPlatform } from './platforms.ts';
import { readCertificateTable, tableCollateral } from './sev-snp/certificate-table.ts';
import { readPem } from './x509/pem.ts';

/** Bytes of one file: a node of eight GPUs with every certificate in Base64 stays below 1 MiB. */
export const MAX_EVIDENCE_FILE_BYTES = 8 * 1024 * 1024;
/** Base64 of PEM of Base64 is the deepest that was seen. */
const MAX_WRAPPERS = 4;
const MAX_JSON_VALUES = 20_000;
const MAX_JSON_DEPTH = 16;
const MAX_PEM_BLOCKS = 64;
/** Shorter byte strings are digests and keys, never evidence or certificates. */
const LEAST_BYTES = 128;

export interface EvidenceFile {
  /** The evidence itself, as a platform's parser takes it; the whole file where nothing was recognised. */
  readonly bytes: Uint8Array;
  /** Certificates and lists that lay beside it, unverified. */
  readonly collateral: Collateral;
}

/**
 * Evidence out of a file of whatever kind: raw bytes, hexadecimal, Base64, a PEM bundle, dstack's envelope, or JSON
 * with the evidence and its certificates as members (text or lists of bytes), as collectors and test suites write it.
 * What is recognised first is taken; bytes that nothing recognises are given back as they are, so that the parser of
 * the platform that was asked for says what is wrong. E-ATTEST-MALFORMED above 8 MiB.
 */
export function readEvidenceFile(file: Uint8Array): Result<EvidenceFile, Refusal> {
  if (file.length > MAX_EVIDENCE_FILE_BYTES) return err(refusal('E-ATTEST-MALFORMED', 'evidence: larger than 8 MiB'));
  return ok(unwrap(file, 0) ?? { bytes: file, collateral: [] });
}

/** Null: no evidence in it. */
function unwrap(bytes: Uint8Array, wrappers: number): EvidenceFile | null {
  if (recognisedPlatform(bytes) !== null) return { bytes, collateral: [] };
  if (wrappers === MAX_WRAPPERS) return null;
  const inner = dstackContent(bytes);
  if (inner !== null && recognisedPlatform(inner) !== null) return { bytes: inner, collateral: [] };
  const text = textOf(bytes);
  if (text === null) return null;
  if (text.includes('-----BEGIN ') && !/^\s*[[{]/.test(text)) return fromPem(text, wrappers);
  const json = parsedJson(text);
  if (json !== undefined) return fromJson(json, wrappers);
  const decoded = decodeText(text);
  return decoded === null ? null : unwrap(decoded, wrappers + 1);
}

/** Version 0, kind of evidence, then a byte string with its length as a SCALE compact integer; what follows is dstack's. */
function dstackContent(bytes: Uint8Array): Uint8Array | null {
  const mode = (bytes[2] ?? 3) & 3;
  if (bytes[0] !== 0 || mode === 3) return null;
  const width = mode === 0 ? 1 : 2 * mode;
  let length = 0;
  for (let i = width - 1; i >= 0; i--) length = length * 256 + (bytes[2 + i] ?? 0);
  const start = 2 + width;
  const end = start + Math.floor(length / 4);
  return end <= bytes.length ? bytes.subarray(start, end) : null;
}

function fromPem(text: string, wrappers: number): EvidenceFile | null {
  const blocks = total('PEM', () => readPem(text, MAX_PEM_BLOCKS));
  return blocks.ok
    ? firstOf(
        blocks.value.map(({ der }) => der),
        wrappers,
      )
    : null;
}

function fromJson(json: unknown, wrappers: number): EvidenceFile | null {
  return typeof json === 'string' ? unwrap(utf8(json), wrappers + 1) : firstOf(byteStrings(json), wrappers);
}

/** The first that holds evidence; the others become collateral where they are any. */
function firstOf(strings: readonly Uint8Array[], wrappers: number): EvidenceFile | null {
  let found: EvidenceFile | null = null;
  const beside: Collateral[number][] = [];
  for (const bytes of strings) {
    const evidence: EvidenceFile | null = found === null ? unwrap(bytes, wrappers + 1) : null;
    if (evidence === null) beside.push(...collateralIn(bytes));
    else found = evidence;
  }
  return found === null ? null : { bytes: found.bytes, collateral: [...found.collateral, ...beside] };
}

function collateralIn(bytes: Uint8Array): Collateral {
  const read = readCollateral(bytes);
  if (read.ok) return read.value;
  const table = total('certificate table', () => tableCollateral(readCertificateTable(bytes)));
  return table.ok ? table.value : [];
}

function parsedJson(text: string): unknown {
  if (!/^\s*["[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every text and list of bytes below `json`, decoded, in the order of the document. */
function byteStrings(json: unknown): Uint8Array[] {
  const out: Uint8Array[] = [];
  const add = (bytes: Uint8Array | null): void => {
    if (bytes !== null && bytes.length >= LEAST_BYTES) out.push(bytes);
  };
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    values += 1;
    if (values > MAX_JSON_VALUES || depth > MAX_JSON_DEPTH) return;
    if (typeof value === 'string') add(/[{-]{2}|^\s*\{/.test(value) ? utf8(value) : decodeText(value));
    else if (Array.isArray(value) && value.every(isByte)) add(Uint8Array.from(value));
    else if (typeof value === 'object' && value !== null)
      for (const item of Object.values(value)) visit(item, depth + 1);
  };
  visit(json, 0);
  return out;
}

const isByte = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
