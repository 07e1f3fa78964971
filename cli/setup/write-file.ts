import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { refusal, RefusalError } from '../../lib/core/errors.ts';

const OWNER_ONLY = 0o600;

/** A new file that only its owner can read; never over an existing one, so that no key is lost. */
export async function writeSecret(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeOnce(path, bytes, OWNER_ONLY);
  // The umask can only take rights away; this says what is meant.
  await chmod(path, OWNER_ONLY);
}

/** A new file for others to read; never over an existing one. */
export async function writeNew(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeOnce(path, bytes, 0o666);
}

/** A file for others to read; replaced if it exists. */
export async function writePublic(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Looks before the first of several files is written, so that a refusal leaves no half of them behind. */
export function refuseExisting(...paths: readonly string[]): void {
  const [first, ...more] = paths.filter((path) => existsSync(path)).map(existing);
  if (first !== undefined) throw new RefusalError(first, ...more);
}

const existing = (path: string): ReturnType<typeof refusal> =>
  refusal('E-CONFIG', `${path}: exists already and is not overwritten`);

async function writeOnce(path: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  try {
    await writeFile(path, bytes, { mode, flag: 'wx' });
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'EEXIST') throw new RefusalError(existing(path));
    throw fault;
  }
}
