import { Malformed } from '../formats/malformed.ts';
import { asciiOf, decodeText, textMember } from '../formats/encoded-text.ts';
import { readCertificate, type Certificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';
import { deviceIdentity, type DeviceIdentity } from './device-identity.ts';
import { readSpdmReport, type SpdmReport } from './spdm-report.ts';

export const MAX_GPU_EVIDENCE_BYTES = 512 * 1024;
/** Eight GPUs and four switches are the largest node there is. */
export const MAX_DEVICES = 32;
const MAX_CHAIN = 8;
/** Names that collectors give the list of devices, a report and its certificates; looked for in this order. */
const LISTS = ['evidence_list', 'device_evidence_list', 'gpu_evidences', 'evidences', 'nvidia_payload', 'gpu_evidence'];
const REPORTS = ['evidence', 'attestation_report', 'attestationReport', 'report'];
const CHAINS = ['certificate', 'cert_chain', 'certificate_chain', 'attestation_cert_chain', 'attestationCertChain'];

/** What the wrapper says beside the report: unsigned, and only ever compared with what is signed. */
export interface Stated {
  readonly arch: string | null;
  readonly nonce: Uint8Array | null;
  readonly driverVersion: string | null;
  readonly vbiosVersion: string | null;
}

/** One GPU or switch. */
export interface DeviceEvidence {
  readonly report: SpdmReport;
  readonly identity: DeviceIdentity;
  /** Leaf first, as given; empty: none was given with the report. */
  readonly chain: readonly Certificate[];
  readonly stated: Stated;
}

export interface GpuEvidence {
  /** At least one, in the order given. */
  readonly devices: readonly DeviceEvidence[];
}

/**
 * A bare report (binary, hexadecimal, Base64, with or without a PEM chain after it) or JSON of nvtrust, the
 * attestation SDK, go-nvtrust, Trustee, Veraison or dstack with one device or many. Throws Malformed.
 */
export function readGpuEvidence(bytes: Uint8Array): GpuEvidence {
  if (bytes.length > MAX_GPU_EVIDENCE_BYTES) throw new Malformed('larger than 512 KiB');
  const text = asciiOf(bytes)?.trim() ?? null;
  if (text === null) return { devices: [device(bytes, [], NOTHING_STATED)] };
  if (text.startsWith('[') || text.startsWith('{')) return { devices: devicesOf(parseJson(text)) };
  const pem = text.indexOf('-----BEGIN ');
  const report = decodeText(pem < 0 ? text : text.slice(0, pem));
  if (report === null) throw new Malformed('neither binary, hexadecimal, Base64 nor JSON');
  return { devices: [device(report, pem < 0 ? [] : pemChain(text.slice(pem)), NOTHING_STATED)] };
}

const NOTHING_STATED: Stated = { arch: null, nonce: null, driverVersion: null, vbiosVersion: null };

type Json = Readonly<Record<string, unknown>>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed('not JSON');
  }
}

function devicesOf(value: unknown): DeviceEvidence[] {
  const outer = isObject(value) ? value : {};
  const inner = unwrap(value);
  const items = Array.isArray(inner) ? (inner as readonly unknown[]) : [inner];
  if (items.length === 0) throw new Malformed('no device');
  if (items.length > MAX_DEVICES) throw new Malformed(`more than ${MAX_DEVICES} devices`);
  return items.map((item) => {
    if (!isObject(item)) throw new Malformed('a device is no JSON object');
    const report = decodeText(firstText(item, REPORTS) ?? '');
    if (report === null) throw new Malformed('a device has no report');
    return device(report, chainOf(item), statedOf(item, outer));
  });
}

/** The list behind at most three wrappers, one of which may be a JSON text inside JSON. */
function unwrap(value: unknown, depth = 0): unknown {
  if (!isObject(value) || depth === 3) return value;
  const name = LISTS.find((list) => Object.hasOwn(value, list));
  if (name === undefined) return value;
  const inner = value[name];
  return unwrap(typeof inner === 'string' ? parseJson(inner) : inner, depth + 1);
}

function statedOf(item: Json, outer: Json): Stated {
  const nonce = textMember(item, 'nonce') ?? textMember(outer, 'nonce');
  return {
    arch: (textMember(item, 'arch') ?? textMember(outer, 'arch'))?.toUpperCase() ?? null,
    nonce: nonce === null ? null : decodeText(nonce),
    driverVersion: textMember(item, 'driver_version'),
    vbiosVersion: textMember(item, 'vbios_version')?.toUpperCase() ?? null,
  };
}

function device(report: Uint8Array, chain: readonly Certificate[], stated: Stated): DeviceEvidence {
  const parsed = readSpdmReport(report);
  return { report: parsed, identity: deviceIdentity(parsed), chain, stated };
}

/** PEM, PEM inside Base64, Base64 of DER, or a list of any of them. */
function chainOf(item: Json): Certificate[] {
  const name = CHAINS.find((chain) => Object.hasOwn(item, chain));
  const given = name === undefined ? [] : item[name];
  const texts = Array.isArray(given) ? (given as readonly unknown[]) : [given];
  if (texts.length > MAX_CHAIN) throw new Malformed(`a chain of more than ${MAX_CHAIN} certificates`);
  return texts.flatMap((text) => {
    if (typeof text !== 'string') throw new Malformed('a certificate chain is no text');
    if (text.includes('-----BEGIN ')) return pemChain(text);
    const inner = decodeText(text);
    if (inner === null) throw new Malformed('a certificate chain is neither PEM nor Base64');
    const pem = asciiOf(inner);
    return pem?.includes('-----BEGIN ') === true ? pemChain(pem) : [readCertificate(inner)];
  });
}

const pemChain = (text: string): Certificate[] =>
  readPem(text, MAX_CHAIN).flatMap(({ label, der }) => (label === 'CERTIFICATE' ? [readCertificate(der)] : []));

const firstText = (item: Json, names: readonly string[]): string | null =>
  names.reduce<string | null>((found, name) => found ?? textMember(item, name), null);

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
