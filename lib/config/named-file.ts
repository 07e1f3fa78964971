import { accessSync, constants, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { refusal, RefusalError, type ErrorCode } from '../core/errors.ts';

const GROUP_AND_OTHERS = 0o077;
const ROOT = 0;

/** Why a file that somebody named cannot be read; Node's own code where that says enough. */
export function readFault(fault: unknown): string {
  const code = fault instanceof Error && 'code' in fault ? String(fault.code) : 'cannot be read';
  return WHY[code] ?? code;
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
};

/** The bytes of a file that a person named. Throws RefusalError with `code` when there is no such readable file. */
export async function readNamedFile(path: string, code: ErrorCode = 'E-CONFIG'): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (fault) {
    throw new RefusalError(refusal(code, `${path}: ${readFault(fault)}`));
  }
}

/** The same for a file that holds a secret; refused with E-CONFIG for what `secretFileProblem` finds. */
export async function readSecretFile(path: string): Promise<Uint8Array> {
  const problem = secretFileProblem(path);
  if (problem !== null) throw new RefusalError(refusal('E-CONFIG', `${path}: ${problem}`));
  return readNamedFile(path);
}

/**
 * What is wrong with a file that is to hold a secret; null when its owner, who runs this program or is root, may read it
 * and nobody else. Owner and rights are not checked on Windows.
 */
export function secretFileProblem(path: string): string | null {
  try {
    const { uid, mode, isFile } = look(path);
    if (!isFile) return 'is not a file';
    if (process.platform !== 'win32') {
      if ((mode & GROUP_AND_OTHERS) !== 0) return 'must be readable by its owner only (chmod 600)';
      if (uid !== process.geteuid?.() && uid !== ROOT) return 'must be owned by the user who runs this program (chown)';
    }
    accessSync(path, constants.R_OK);
    return null;
  } catch (fault) {
    return readFault(fault);
  }
}

function look(path: string): { readonly uid: number; readonly mode: number; readonly isFile: boolean } {
  const found = statSync(path);
  return { uid: found.uid, mode: found.mode, isFile: found.isFile() };
}
