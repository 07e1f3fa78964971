import { readFile, stat } from 'node:fs/promises';
import { refusal, RefusalError, type ErrorCode } from '../../lib/core/errors.ts';

const GROUP_AND_OTHERS = 0o077;

/** The bytes of a file that a person named. Throws RefusalError with `code` when there is no such readable file. */
export async function readNamedFile(path: string, code: ErrorCode = 'E-CONFIG'): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (fault) {
    const reason = fault instanceof Error && 'code' in fault ? String(fault.code) : 'cannot be read';
    throw new RefusalError(refusal(code, `${path}: ${WHY[reason] ?? reason}`));
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'this user may not read it',
};

/** The bytes of a file that holds a secret; refused with E-CONFIG when others may read it (not checked on Windows). */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  const bytes = await readNamedFile(path);
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & GROUP_AND_OTHERS) !== 0) {
    throw new RefusalError(refusal('E-CONFIG', `${path}: must be readable by its owner only (chmod 600)`));
  }
  return bytes;
}
