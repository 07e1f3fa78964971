import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { refusal, RefusalError } from '../../lib/core/errors.ts';

const OWNER_ONLY = 0o600;

/** A new file that only its owner can read; never over an existing one, so that no key is lost. */
export async function writeSecret(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, bytes, { mode: OWNER_ONLY, flag: 'wx' });
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'EEXIST') {
      throw new RefusalError(refusal('E-CONFIG', `${path}: exists already and is not overwritten`));
    }
    throw fault;
  }
  // The umask can only take rights away; this says what is meant.
  await chmod(path, OWNER_ONLY);
}

/** A file for others to read; replaced if it exists. */
export async function writePublic(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
