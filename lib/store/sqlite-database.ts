import { closeSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';

/** "CONS": marks the file as ours (SQLite file format, "Application ID"). */
const APPLICATION_ID = 0x434f4e53;
/** Kept in `user_version`. A newer program migrates older files; an older program refuses newer ones. */
export const FORMAT_VERSION = 1;
const BUSY_TIMEOUT_MS = 10_000;
/** What the write-ahead log is cut down to after a checkpoint: one large blob must not leave it that large for ever. */
const WAL_BYTES = 4 << 20;
const OWNER_ONLY = 0o600;

const SCHEMA = `
  CREATE TABLE events (
    stream TEXT NOT NULL, version INTEGER NOT NULL CHECK (version > 0), bytes BLOB NOT NULL,
    PRIMARY KEY (stream, version)
  ) STRICT;
  CREATE TABLE blobs (key TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`;

/**
 * Opens or makes the file with the settings the durability duty rests on. Refuses (E-STORE-FORMAT) what another
 * program or a newer version wrote; I/O faults throw a RefusalError (E-STORE-IO).
 */
export function openDatabase(path: string): Result<DatabaseSync, Refusal> {
  try {
    return guardIo(() => openChecked(path));
  } catch (fault) {
    if (fault instanceof RefusalError && fault.refusals[0].code === 'E-STORE-FORMAT') return err(fault.refusals[0]);
    throw fault;
  }
}

function openChecked(path: string): Result<DatabaseSync, Refusal> {
  createOwnerOnly(path);
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    const refused = checkFormat(database, path);
    if (refused === null) return ok(database);
    database.close();
    return err(refused);
  } catch (fault) {
    database.close();
    throw fault;
  }
}

/** The file is made before SQLite sees it: its WAL and shared-memory files copy the mode of the database. */
function createOwnerOnly(path: string): void {
  try {
    closeSync(openSync(path, 'wx', OWNER_ONLY));
  } catch (fault) {
    if (errorCode(fault) === 'EEXIST') return;
    throw fault;
  }
  // A new name is durable only once its folder is synced; Windows cannot and need not.
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function checkFormat(database: DatabaseSync, path: string): Refusal | null {
  // FULL syncs the log at every commit, which NORMAL does not; the fullfsync pair is for macOS, where fsync alone
  // leaves data in the drive's cache. secure_delete overwrites deleted blobs in the database file.
  database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;');
  database.exec('PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;');
  database.exec('BEGIN IMMEDIATE');
  const applicationId = pragma(database, 'application_id');
  const version = pragma(database, 'user_version');
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (applicationId === 0 && version === 0 && tables === 0) database.exec(SCHEMA);
  database.exec('COMMIT');
  if (tables > 0 && applicationId !== APPLICATION_ID) return refusal('E-STORE-FORMAT', `${path} is not a store`);
  if (version > FORMAT_VERSION) {
    return refusal('E-STORE-FORMAT', `${path} was written by a newer version`, {
      got: `format ${version}`,
      want: `format ${FORMAT_VERSION} or older`,
    });
  }
  // Last, so that a foreign file is refused before anything in it changes.
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${WAL_BYTES};`);
  return null;
}

function pragma(database: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** SQLite result codes that mean "these bytes are not what was written" (sqlite.org/rescode.html). */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Runs `work`; disk faults become a RefusalError without any stored value in its message. */
export function guardIo<T>(work: () => T): T {
  try {
    return work();
  } catch (fault) {
    const code = errorCode(fault);
    if (code === 'ERR_SQLITE_ERROR') throw new RefusalError(sqliteRefusal(fault));
    if (isSystemError(fault)) throw new RefusalError(refusal('E-STORE-IO', `${fault.syscall}: ${fault.code}`));
    throw fault;
  }
}

function sqliteRefusal(fault: unknown): Refusal {
  const number = property(fault, 'errcode');
  const extended = typeof number === 'number' ? number : 0;
  const primary = extended & 0xff;
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
    return refusal('E-STORE-FORMAT', `SQLite result ${extended}`);
  }
  return refusal('E-STORE-IO', `SQLite result ${extended}`);
}

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;

const errorCode = (fault: unknown): unknown => property(fault, 'code');

const isSystemError = (fault: unknown): fault is Error & { code: string; syscall: string } =>
  fault instanceof Error && typeof errorCode(fault) === 'string' && typeof property(fault, 'syscall') === 'string';
