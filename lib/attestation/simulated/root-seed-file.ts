import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';

const SEED_BYTES = 32;
const OTHERS_MAY = 0o077;

/**
 * The chip's root seed: a file of exactly 32 bytes that nobody but its owner may read (mode 0600; not checked on
 * Windows). E-CONFIG otherwise; the message never holds the bytes.
 */
export function readRootSeed(path: string): Result<Uint8Array, Refusal> {
  const invalid = (detail: string, got: string, want: string): Result<Uint8Array, Refusal> =>
    err(refusal('E-CONFIG', `root seed file: ${detail}`, { got, want }));
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return invalid('cannot be opened', 'no readable file', 'a file of mode 0600');
  }
  try {
    const { mode, size } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & OTHERS_MAY) !== 0) {
      return invalid('others may read it', `mode 0${(mode & 0o777).toString(8)}`, 'mode 0600');
    }
    const seed = new Uint8Array(SEED_BYTES);
    if (size !== SEED_BYTES || readSync(file, seed, 0, SEED_BYTES, 0) !== SEED_BYTES) {
      return invalid('has the wrong length', `${size} bytes`, `${SEED_BYTES} bytes`);
    }
    return ok(seed);
  } finally {
    closeSync(file);
  }
}
