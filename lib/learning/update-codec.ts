import type { Grid } from '../contract/grid.ts';
import { concatBytes } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { isWithinNorm } from './integer-norm.ts';

/**
 * What one site sends in one round (PROTOCOL §7.5): `salt (32) || plaintext`, and the plaintext, little-endian:
 *
 *     u32 format version | u32 weight | f64 training loss | int32 coordinate × layout length
 *
 * Its size depends on the model alone, so that length tells nothing about the site.
 */
export const UPDATE_FORMAT = 1;
export const SALT_BYTES = 32;
/** Losses above this are sent as this: one diverged site must not drown the cohort's mean. */
export const MAX_TRAIN_LOSS = 1000;

const WEIGHT_AT = 4;
const TRAIN_LOSS_AT = 8;
const COORDINATES_AT = 16;
const INT32_BYTES = 4;

export interface DecodedUpdate {
  /** Training rows that the site counts for, 1 … W. */
  readonly weight: number;
  /** Mean loss of the parent model over the site's training rows, in nats, 0 … MAX_TRAIN_LOSS. */
  readonly trainLoss: number;
  /** Steps of 2^stepLog2, in layout order. */
  readonly coordinates: Int32Array;
}

/** Bytes of a plaintext for a model of `layoutLength` parameters, salt not counted. */
export const plaintextBytes = (layoutLength: number): number => COORDINATES_AT + layoutLength * INT32_BYTES;

/** Throws on a weight or loss that no honest site has (a bug); `coordinates` comes from `toGrid`. */
export function encodeUpdate({ weight, trainLoss, coordinates }: DecodedUpdate): Uint8Array {
  if (!Number.isInteger(weight) || weight < 1 || weight > 0xffff_ffff) throw new RangeError('weight is not a u32 > 0');
  if (!(trainLoss >= 0)) throw new RangeError('training loss is negative or NaN');
  const bytes = new Uint8Array(plaintextBytes(coordinates.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, UPDATE_FORMAT, true);
  view.setUint32(WEIGHT_AT, weight, true);
  view.setFloat64(TRAIN_LOSS_AT, Math.min(trainLoss, MAX_TRAIN_LOSS), true);
  coordinates.forEach((value, i) => {
    view.setInt32(COORDINATES_AT + i * INT32_BYTES, value, true);
  });
  return bytes;
}

interface Expected {
  readonly layoutLength: number;
  readonly grid: Grid;
}

/**
 * Checks everything a hostile site could choose: length and format (E-UPDATE-SHAPE); weight 1 … W, a finite loss,
 * every coordinate within ±B, the exact integer L2 norm within the bound (E-UPDATE-BOUND). Total. The details name
 * the rule and never a value: an update is patient data.
 */
export function decodeUpdate(plaintext: Uint8Array, expected: Expected): Result<DecodedUpdate, Refusal> {
  const { layoutLength, grid } = expected;
  if (plaintext.length !== plaintextBytes(layoutLength)) {
    const compared = { got: `${plaintext.length} bytes`, want: `${plaintextBytes(layoutLength)} bytes` };
    return err(refusal('E-UPDATE-SHAPE', 'length of the update', compared));
  }
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  if (view.getUint32(0, true) !== UPDATE_FORMAT) return err(refusal('E-UPDATE-SHAPE', 'format version'));
  const weight = view.getUint32(WEIGHT_AT, true);
  const trainLoss = view.getFloat64(TRAIN_LOSS_AT, true);
  if (weight < 1 || weight > grid.weightCap) return err(refusal('E-UPDATE-BOUND', 'weight'));
  if (!(trainLoss >= 0 && trainLoss <= MAX_TRAIN_LOSS)) return err(refusal('E-UPDATE-BOUND', 'training loss'));
  const coordinates = new Int32Array(layoutLength);
  for (let i = 0; i < layoutLength; i++) {
    const value = view.getInt32(COORDINATES_AT + i * INT32_BYTES, true);
    if (Math.abs(value) > grid.coordinateBound) return err(refusal('E-UPDATE-BOUND', `coordinate ${i}`));
    coordinates[i] = value;
  }
  if (!isWithinNorm(coordinates, grid.l2Bound)) return err(refusal('E-UPDATE-BOUND', 'L2 norm'));
  return ok({ weight, trainLoss, coordinates });
}

/** `commit` of the update header: hides the update until it is sent and fixes it (PROTOCOL §7.5). */
export function updateCommitment(salt: Uint8Array, plaintext: Uint8Array): Digest {
  return hash('update', salt, plaintext);
}

/** `salt || plaintext`, the bytes that travel; `salt` is 32 secret bytes. */
export function joinUpdate(salt: Uint8Array, plaintext: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new RangeError('a salt has 32 bytes');
  return concatBytes(salt, plaintext);
}

/** The two parts of what travelled; E-UPDATE-SHAPE when it is too short to hold a salt. */
export function splitUpdate(bytes: Uint8Array): Result<{ salt: Uint8Array; plaintext: Uint8Array }, Refusal> {
  if (bytes.length < SALT_BYTES) return err(refusal('E-UPDATE-SHAPE', 'no salt'));
  return ok({ salt: bytes.slice(0, SALT_BYTES), plaintext: bytes.slice(SALT_BYTES) });
}
