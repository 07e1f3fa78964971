import { concatBytes } from '../../core/bytes.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed } from '../formats/malformed.ts';

export const REPORT_BYTES = 1184;
/** Bytes 0 to 0x29F. */
const SIGNED_BYTES = 0x2a0;
/** First version with CPUID fields; first version with mitigation vectors. */
const CPUID_SINCE = 3;
const MITIGATIONS_SINCE = 5;
const NEWEST_VERSION = 5;
const OLDEST_VERSION = 2;
const ECDSA_P384_SHA384 = 1;

/** Bits of the guest's policy (SEV-SNP ABI 56860, "Guest Policy"): 0 to 15 are the minimum ABI version. */
export const POLICY_BIT = {
  smtAllowed: 16,
  migrationAgentAllowed: 18,
  debugAllowed: 19,
  singleSocket: 20,
  cxlAllowed: 21,
  memoryAes256: 22,
  raplDisabled: 23,
  ciphertextHiding: 24,
  pageSwapDisabled: 25,
} as const;
const POLICY_ONE_BIT = 17;
const POLICY_BITS = 26;

/** Bits of the host's PLATFORM_INFO. Firmware adds more without a new report version, so others are let pass. */
export const PLATFORM_BIT = {
  smtEnabled: 0,
  tsmeEnabled: 1,
  eccEnabled: 2,
  raplDisabled: 3,
  ciphertextHiding: 4,
  aliasCheckComplete: 5,
  iommuWriteSafe: 6,
  tioEnabled: 7,
} as const;

export type SigningKey = 'VCEK' | 'VLEK' | 'none' | 'reserved';
const SIGNING_KEYS: readonly SigningKey[] = ['VCEK', 'VLEK', ...Array<SigningKey>(5).fill('reserved'), 'none'];

export interface FirmwareVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** ATTESTATION_REPORT of SEV-SNP ABI 56860, versions 2 to 5. TCB_VERSIONs are 8 bytes in the order of the file. */
export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly authorKeyEnabled: boolean;
  readonly maskChipKey: boolean;
  readonly signingKey: SigningKey;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** Null before version 3. */
  readonly cpu: { readonly family: number; readonly model: number; readonly stepping: number } | null;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly currentVersion: FirmwareVersion;
  readonly committedVersion: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  /** Null before version 5. */
  readonly mitigations: { readonly launch: bigint; readonly current: bigint } | null;
  /** What the chip signed. */
  readonly signed: Uint8Array;
  /** r then s, 48 bytes each, most significant byte first. */
  readonly signature: Uint8Array;
}

/** Exactly 1184 bytes; throws Malformed for an unknown version or algorithm and for reserved bytes that are set. */
export function readReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== REPORT_BYTES) throw new Malformed(`report of ${bytes.length} bytes instead of ${REPORT_BYTES}`);
  const reader = new ByteReader(bytes);
  const version = reader.u32le();
  if (version < OLDEST_VERSION || version > NEWEST_VERSION) throw new Malformed(`report version ${version}`, 0);
  const guestSvn = reader.u32le();
  const policy = reader.u64le();
  if (policy >> BigInt(POLICY_BITS) !== 0n || !bitSet(policy, POLICY_ONE_BIT)) {
    throw new Malformed('guest policy has reserved bits of another value', 8);
  }
  const familyId = reader.take(16);
  const imageId = reader.take(16);
  const vmpl = reader.u32le();
  if (vmpl > 3) throw new Malformed('VMPL above 3', 0x30);
  if (reader.u32le() !== ECDSA_P384_SHA384) throw new Malformed('unknown signature algorithm', 0x34);
  const currentTcb = reader.take(8);
  const platformInfo = reader.u64le();
  const keyInfo = reader.u32le();
  if (keyInfo >>> 5 !== 0) throw new Malformed('key information has reserved bits that are set', 0x48);
  reader.zeros(4, 'reserved part');
  const reportData = reader.take(64);
  const measurement = reader.take(48);
  const hostData = reader.take(32);
  const idKeyDigest = reader.take(48);
  const authorKeyDigest = reader.take(48);
  const reportId = reader.take(32);
  const reportIdMa = reader.take(32);
  const reportedTcb = reader.take(8);
  const hasCpu = version >= CPUID_SINCE;
  const cpu = hasCpu ? { family: reader.u8(), model: reader.u8(), stepping: reader.u8() } : null;
  reader.zeros(hasCpu ? 21 : 24, 'reserved part');
  const chipId = reader.take(64);
  const committedTcb = reader.take(8);
  const currentVersion = readVersion(reader);
  const committedVersion = readVersion(reader);
  const launchTcb = reader.take(8);
  const mitigations = version >= MITIGATIONS_SINCE ? { launch: reader.u64le(), current: reader.u64le() } : null;
  reader.zeros(SIGNED_BYTES - reader.offset, 'reserved part');
  const r = readNumber(reader);
  const s = readNumber(reader);
  reader.zeros(reader.left, 'reserved part of the signature');
  return {
    version,
    guestSvn,
    policy,
    familyId,
    imageId,
    vmpl,
    currentTcb,
    platformInfo,
    authorKeyEnabled: (keyInfo & 1) !== 0,
    maskChipKey: (keyInfo & 2) !== 0,
    signingKey: SIGNING_KEYS[keyInfo >>> 2] ?? 'reserved',
    reportData,
    measurement,
    hostData,
    idKeyDigest,
    authorKeyDigest,
    reportId,
    reportIdMa,
    reportedTcb,
    cpu,
    chipId,
    committedTcb,
    currentVersion,
    committedVersion,
    launchTcb,
    mitigations,
    signed: bytes.subarray(0, SIGNED_BYTES),
    signature: concatBytes(r, s),
  };
}

export const bitSet = (value: bigint, bit: number): boolean => ((value >> BigInt(bit)) & 1n) === 1n;

/** Names of the bits that are set; those without a name as `bit 40`. */
export function bitNames(value: bigint, names: Readonly<Record<string, number>>, from = 0): string[] {
  const known = new Map(Object.entries(names).map(([name, bit]) => [bit, name]));
  const set: string[] = [];
  for (let bit = from; bit < 64; bit++) if (bitSet(value, bit)) set.push(known.get(bit) ?? `bit ${bit}`);
  return set;
}

function readVersion(reader: ByteReader): FirmwareVersion {
  const build = reader.u8();
  const minor = reader.u8();
  const major = reader.u8();
  reader.zeros(1, 'reserved part');
  return { major, minor, build };
}

/** 72 bytes, least significant first, of which a P-384 number fills 48. */
function readNumber(reader: ByteReader): Uint8Array {
  const number = reader.take(48).toReversed();
  reader.zeros(24, 'upper part of a signature number');
  return number;
}
