import { createHash, verify, type KeyObject } from 'node:crypto';
import { concatBytes } from '../../core/bytes.ts';
import { ByteReader } from '../formats/byte-reader.ts';
import { Malformed } from '../formats/malformed.ts';

const TPM_GENERATED = 0xff54_4347;
const ATTEST_QUOTE = 0x8018;
const SHA256 = 0x000b;
const DIGEST_BYTES = 32;
/** TPM2_MAX_PCRS of the profile for PCs. */
export const PCRS = 24;
const MAX_EXTRA_BYTES = 64;
const LEAST_KEY_BITS = 2048;

/** TPMS_ATTEST of a quote with its signature (TPM 2.0 Library part 2, §10.12). */
export interface TpmQuote {
  /** What the attestation key signed. */
  readonly message: Uint8Array;
  /** RSASSA-PKCS1-v1_5 with SHA-256. */
  readonly signature: Uint8Array;
  /** The verifier's nonce, 0 to 64 bytes. */
  readonly extraData: Uint8Array;
  /** Milliseconds that the TPM has been running, and how often it was reset and restarted. */
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly firmwareVersion: bigint;
  readonly pcrDigest: Uint8Array;
  /** Selected registers by index with the values that came along, which only `pcrDigest` vouches for. */
  readonly pcrs: readonly (readonly [index: number, value: Uint8Array])[];
}

/** `values`: one for each selected register, in their order. Throws Malformed. */
export function readTpmQuote(message: Uint8Array, signature: Uint8Array, values: readonly Uint8Array[]): TpmQuote {
  const reader = new ByteReader(message);
  if (reader.u32be() !== TPM_GENERATED) throw new Malformed('not made inside a TPM', 0);
  if (reader.u16be() !== ATTEST_QUOTE) throw new Malformed('not a quote', 4);
  reader.take(reader.u16be()); // name of the signing key, which the key itself decides
  const extraData = reader.take(reader.u16be());
  if (extraData.length > MAX_EXTRA_BYTES) throw new Malformed('nonce longer than 64 bytes');
  const clock = reader.u64be();
  const resetCount = reader.u32be();
  const restartCount = reader.u32be();
  reader.u8(); // whether the clock was saved before the last loss of power
  const firmwareVersion = reader.u64be();
  if (reader.u32be() !== 1 || reader.u16be() !== SHA256) {
    throw new Malformed('want one selection of SHA-256 registers', reader.offset);
  }
  const selected = readSelection(reader.take(reader.u8()));
  const pcrDigest = reader.take(reader.u16be());
  reader.end();
  if (values.length !== selected.length || values.some(({ length }) => length !== DIGEST_BYTES)) {
    throw new Malformed(`want ${selected.length} register values of ${DIGEST_BYTES} bytes`);
  }
  return {
    message,
    signature,
    extraData,
    clock,
    resetCount,
    restartCount,
    firmwareVersion,
    pcrDigest,
    pcrs: selected.flatMap((index, place) => {
      const value = values[place];
      return value === undefined ? [] : [[index, value] as const];
    }),
  };
}

/** Indexes of the set bits, the lowest bit of the first byte first. */
function readSelection(bytes: Uint8Array): number[] {
  if (bytes.length > PCRS / 8) throw new Malformed(`registers above ${PCRS - 1}`);
  return Array.from({ length: 8 * bytes.length }, (_, index) => index).filter(
    (index) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1,
  );
}

export const registerDigest = ({ pcrs }: TpmQuote): Uint8Array =>
  createHash('sha256')
    .update(concatBytes(...pcrs.map(([, value]) => value)))
    .digest();

/** False for anything but an RSA key of at least 2048 bits. */
export function quoteSignatureHolds({ message, signature }: TpmQuote, key: KeyObject | null): boolean {
  if (key?.asymmetricKeyType !== 'rsa') return false;
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_KEY_BITS) return false;
  return verify('sha256', message, key, signature);
}
