import { accessSync, closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { refusal, RefusalError, type ErrorCode, type Refusal } from '../core/errors.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const SQLITE_CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [3, 'E-STORE-PERMISSION'], // PERM
  [5, 'E-STORE-LOCKED'], // BUSY
  [6, 'E-STORE-LOCKED'], // LOCKED
  [8, 'E-STORE-READONLY'], // READONLY
  [11, 'E-STORE-DAMAGED'], // CORRUPT
  [13, 'E-STORE-FULL'], // FULL
  [26, 'E-STORE-DAMAGED'], // NOTADB
]);
/** These do not say why, so that the file system is asked. */
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CANTOPEN = 14;

const SYSTEM_CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['ENOSPC', 'E-STORE-FULL'],
  ['EDQUOT', 'E-STORE-FULL'],
  ['EFBIG', 'E-STORE-FULL'],
  ['EROFS', 'E-STORE-READONLY'],
  ['EACCES', 'E-STORE-PERMISSION'],
  ['EPERM', 'E-STORE-PERMISSION'],
  ['ENOENT', 'E-STORE-PATH'],
  ['ENOTDIR', 'E-STORE-PATH'],
  ['EISDIR', 'E-STORE-PATH'],
  ['ELOOP', 'E-STORE-PATH'],
  ['ENAMETOOLONG', 'E-STORE-PATH'],
]);

/**
 * The refusal behind something that reading or writing `path` threw: a code of the E-STORE family, the path and the
 * system's own name for the fault, never a stored value. Null: no fault of the disk, but a bug.
 */
export function diskRefusal(path: string, fault: unknown): Refusal | null {
  if (property(fault, 'code') === 'ERR_SQLITE_ERROR') return sqliteRefusal(path, fault);
  if (!isSystemError(fault)) return null;
  return refusal(SYSTEM_CODES.get(fault.code) ?? 'E-STORE-IO', `${path}: ${fault.syscall}: ${fault.code}`);
}

/** Runs `work` on `path`; what the disk refuses is thrown as a RefusalError. */
export function guardIo<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (fault) {
    const refused = diskRefusal(path, fault);
    throw refused === null ? fault : new RefusalError(refused);
  }
}

function sqliteRefusal(path: string, fault: unknown): Refusal {
  const number = property(fault, 'errcode');
  const extended = typeof number === 'number' ? number : 0;
  const primary = extended & 0xff;
  const isClosed = primary === SQLITE_READONLY || primary === SQLITE_CANTOPEN;
  const why = isClosed ? missingRight(path) : primary === SQLITE_IOERR ? missingRoom(path) : null;
  return refusal(why ?? SQLITE_CODES.get(primary) ?? 'E-STORE-IO', `${path}: SQLite result ${extended}`);
}

const { R_OK, W_OK } = constants;
const PAGE_BYTES = 4096;
const FURTHER_BYTES = 64 << 10;

/** Which right is missing on the folder or on one of SQLite's three files; null when none is. */
function missingRight(path: string): ErrorCode | null {
  for (const place of [dirname(path), path, `${path}-wal`, `${path}-shm`]) {
    try {
      accessSync(place, R_OK | W_OK);
    } catch (fault) {
      const found = systemCode(fault);
      if (found === 'E-STORE-READONLY' || found === 'E-STORE-PERMISSION') return found;
    }
  }
  return null;
}

/** SQLite knows a full disk, but no quota and no limit on the size of a file: a page somewhat behind the log's end finds both. */
function missingRoom(path: string): ErrorCode | null {
  const scratch = `${path}.probe`;
  try {
    const file = openSync(scratch, 'w', 0o600);
    try {
      const end = Math.max(
        ...[path, `${path}-wal`].map((name) => statSync(name, { throwIfNoEntry: false })?.size ?? 0),
      );
      writeSync(file, new Uint8Array(PAGE_BYTES), 0, PAGE_BYTES, end + FURTHER_BYTES);
    } finally {
      closeSync(file);
      rmSync(scratch, { force: true });
    }
    return null;
  } catch (fault) {
    return systemCode(fault) ?? null;
  }
}

const systemCode = (fault: unknown): ErrorCode | undefined =>
  isSystemError(fault) ? SYSTEM_CODES.get(fault.code) : undefined;

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const isSystemError = (fault: unknown): fault is Error & { code: string; syscall: string } =>
  fault instanceof Error &&
  typeof property(fault, 'code') === 'string' &&
  typeof property(fault, 'syscall') === 'string';
