import { readFile } from 'node:fs/promises';
import { refusal, RefusalError, type ErrorCode } from '../../lib/core/errors.ts';

/** The bytes of a file that a person named. Throws RefusalError with `code` when there is no such readable file. */
export async function readNamedFile(path: string, code: ErrorCode = 'E-CONFIG'): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (fault) {
    const reason = fault instanceof Error && 'code' in fault ? String(fault.code) : 'cannot be read';
    throw new RefusalError(refusal(code, `${path}: ${reason === 'ENOENT' ? 'there is no such file' : reason}`));
  }
}
