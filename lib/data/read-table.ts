import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CSV_LIMITS } from './csv.ts';

/** What a wrong path gives; anything else the disk says is a fault and throws. */
const WRONG_PATH: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read the file',
  EPERM: 'this user may not read the file',
  ENAMETOOLONG: 'there is no such file',
};

interface Reading {
  /** Refusal of a file that cannot be read. */
  readonly code: ErrorCode;
  readonly maxBytes: number;
}

/** The bytes of a hospital's file; E-DATA-FILE when there is none, it is no plain file, or it is beyond 256 MiB. */
export async function readTable(path: string): Promise<Result<Uint8Array, Refusal>> {
  return readBounded(path, { code: 'E-DATA-FILE', maxBytes: CSV_LIMITS.maxBytes });
}

/** The bytes of a plain file of at most `maxBytes`; kind and size are looked at before anything is read. */
export async function readBounded(path: string, { code, maxBytes }: Reading): Promise<Result<Uint8Array, Refusal>> {
  const refused = (rule: string): Result<never, Refusal> => err(refusal(code, `${basename(path)}: ${rule}`));
  try {
    const status = await stat(path);
    if (!status.isFile()) return refused('not a plain file');
    if (status.size > maxBytes) return refused(`the file is larger than ${maxBytes} bytes`);
    const bytes = await readFile(path);
    return bytes.length > maxBytes ? refused(`the file is larger than ${maxBytes} bytes`) : ok(bytes);
  } catch (fault) {
    const rule = fault instanceof Error && 'code' in fault ? WRONG_PATH[String(fault.code)] : undefined;
    if (rule === undefined) throw fault;
    return refused(rule);
  }
}
