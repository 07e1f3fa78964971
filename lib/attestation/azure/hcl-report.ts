import { createPublicKey, type KeyObject } from 'node:crypto';
import { toHex } from '../../core/bytes.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { jsonObject, textMember, textOf } from '../formats/encoded-text.ts';
import { Malformed } from '../formats/malformed.ts';

const HEADER_BYTES = 32;
export const HARDWARE_OFFSET = HEADER_BYTES;
/** Room for the larger of the two hardware reports. */
const HARDWARE_BYTES = 1184;
const TD_REPORT_BYTES = 1024;
const DATA_HEADER_BYTES = 20;
export const VARIABLE_DATA_OFFSET = HARDWARE_OFFSET + HARDWARE_BYTES + DATA_HEADER_BYTES;
export const MAX_HCL_BYTES = 16 * 1024;
const MAGIC = '48434c41';
const SHA256 = 1;
const KINDS: Readonly<Record<number, 'sev-snp' | 'tdx'>> = { 2: 'sev-snp', 4: 'tdx' };
const KEY_ID = 'HCLAkPub';

/** What the paravisor of an Azure confidential virtual machine keeps in its TPM (NV index 0x01400001). */
export interface HclReport {
  readonly version: number;
  readonly kind: 'sev-snp' | 'tdx';
  /** SNP report (1184 bytes) or TDREPORT (1024 bytes). */
  readonly hardwareReport: Uint8Array;
  /** JSON text as received: its SHA-256 is what the hardware report vouches for. */
  readonly variableData: Uint8Array;
  /** The TPM's attestation key HCLAkPub; null: not one RSA key that can be read. */
  readonly attestationKey: KeyObject | null;
  /** Of the virtual machine; empty where the paravisor is older. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Hexadecimal, what the guest put in; null: none. */
  readonly userData: string | null;
}

export const looksLikeHcl = (bytes: Uint8Array): boolean =>
  bytes.length > VARIABLE_DATA_OFFSET && toHex(bytes.subarray(0, 4)) === MAGIC;

/** Layout: kinvolk/azure-cvm-tooling `hcl`, OpenHCL `igvm_attest`. Throws Malformed. */
export function readHclReport(bytes: Uint8Array): HclReport {
  if (bytes.length > MAX_HCL_BYTES) throw new Malformed('HCL report larger than 16 KiB');
  const reader = new ByteReader(bytes);
  if (toHex(reader.take(4)) !== MAGIC) throw new Malformed('not an HCL report', 0);
  const version = reader.u32le();
  if (version !== 1 && version !== 2) throw new Malformed(`HCL report version ${version}`, 4);
  const size = reader.u32le();
  reader.u32le(); // request type, 2 in all that were seen; says nothing
  reader.zeros(4, 'status');
  reader.zeros(12, 'reserved part');
  const hardware = reader.take(HARDWARE_BYTES);
  const dataSize = reader.u32le();
  const dataVersion = reader.u32le();
  const kind = KINDS[reader.u32le()];
  const hash = reader.u32le();
  const variableSize = reader.u32le();
  const variableData = reader.take(variableSize);
  if (kind === undefined) throw new Malformed('unknown kind of hardware report', VARIABLE_DATA_OFFSET - 12);
  if (dataVersion !== 1 || hash !== SHA256) throw new Malformed('unknown kind of variable data', VARIABLE_DATA_OFFSET);
  if (dataSize !== DATA_HEADER_BYTES + variableSize || size !== reader.offset) {
    throw new Malformed('lengths contradict each other', 8);
  }
  reader.zeros(reader.left, 'padding');
  const hardwareBytes = kind === 'tdx' ? TD_REPORT_BYTES : HARDWARE_BYTES;
  if (hardware.subarray(hardwareBytes).some((byte) => byte !== 0)) throw new Malformed('bytes after the TDREPORT');
  return {
    version,
    kind,
    hardwareReport: hardware.subarray(0, hardwareBytes),
    variableData,
    ...readVariableData(variableData),
  };
}

function readVariableData(bytes: Uint8Array): Pick<HclReport, 'attestationKey' | 'configuration' | 'userData'> {
  const data = jsonObject(textOf(bytes) ?? '');
  if (data === null) throw new Malformed('variable data is no JSON object', VARIABLE_DATA_OFFSET);
  const { keys, 'vm-configuration': configuration } = data;
  return {
    attestationKey: readAttestationKey(keys),
    configuration: isObject(configuration) ? configuration : {},
    userData: textMember(data, 'user-data'),
  };
}

function readAttestationKey(keys: unknown): KeyObject | null {
  const named = Array.isArray(keys) ? keys.filter(isObject).filter((key) => key['kid'] === KEY_ID) : [];
  const [key] = named;
  if (key === undefined || named.length > 1) return null;
  const { kty, n, e } = key;
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return null;
  try {
    return createPublicKey({ key: { kty, n, e }, format: 'jwk' });
  } catch {
    return null;
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
