import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { guardIo } from './disk-fault.ts';
import { checkStoreFile, makeStoreFile } from './store-file.ts';

/** "CONS": marks the file as ours (SQLite file format, "Application ID"). */
const APPLICATION_ID = 0x434f4e53;
/** Kept in `user_version`. A file of any other version, older or newer, is refused. 2: a site has one stream for each contract. */
export const FORMAT_VERSION = 2;
const BUSY_TIMEOUT_MS = 10_000;
/** What the write-ahead log is cut down to after a checkpoint: one large blob must not leave it that large for ever. */
const WAL_BYTES = 4 << 20;
/** A file up to this size is checked whole when it is opened, which takes a quarter of a second at most. */
const CHECKED_WHOLE_BYTES = 64 << 20;
/** First bytes of every SQLite database (sqlite.org/fileformat.html §1.3). */
const MAGIC = 'SQLite format 3\0';

/** `digest` is over the row's place and bytes: SQLite itself notices no bit that flips inside a value. */
const TABLES = [
  'CREATE TABLE blobs (key TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL, digest BLOB NOT NULL) STRICT',
  'CREATE TABLE events (stream TEXT NOT NULL, version INTEGER NOT NULL CHECK (version > 0), bytes BLOB NOT NULL, ' +
    'digest BLOB NOT NULL, PRIMARY KEY (stream, version)) STRICT',
];

export interface SqliteOptions {
  /** How long to wait for another process that holds the file, in milliseconds; then E-STORE-LOCKED. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens or makes the file with the settings the durability duty rests on. Refuses what another program or version
 * wrote (E-STORE-FORMAT), what is damaged as far as a look at it tells (E-STORE-DAMAGED), what others may read
 * (E-STORE-PERMISSION), and where the disk itself refuses (the other E-STORE codes). What is refused stays as it is.
 */
export function openDatabase(path: string, options: SqliteOptions = {}): Result<DatabaseSync, Refusal> {
  try {
    return ok(guardIo(path, () => openChecked(path, options)));
  } catch (fault) {
    if (fault instanceof RefusalError) return err(fault.refusals[0]);
    throw fault;
  }
}

function openChecked(path: string, { busyTimeoutMs = BUSY_TIMEOUT_MS }: SqliteOptions): DatabaseSync {
  if (!checkStoreFile(path)) makeStoreFile(path, fillNew);
  checkMagic(path);
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    checkFormat(database, path);
    checkWhole(database, path);
    configure(database);
    // A file that cannot be written, or is held by somebody, is known now and not in the middle of a round.
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return database;
  } catch (fault) {
    database.close();
    throw fault;
  }
}

function fillNew(path: string): void {
  const database = new DatabaseSync(path);
  try {
    // FULL here too: the file gets its name when this is on the disk.
    database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = 1');
    database.exec(
      `BEGIN; ${TABLES.join('; ')}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT_VERSION}; COMMIT`,
    );
  } finally {
    database.close();
  }
}

/** Before SQLite looks: it would take an empty file for a new database, and zeros, as a crash may leave them, for none. */
function checkMagic(path: string): void {
  const head = Buffer.alloc(MAGIC.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.toString('latin1') === MAGIC) return;
  const isBlank = head.every((byte) => byte === 0);
  throw new RefusalError(
    isBlank
      ? refusal('E-STORE-DAMAGED', `${path}: is empty, or begins with zeros`)
      : refusal('E-STORE-FORMAT', `${path}: is not a store`),
  );
}

function checkFormat(database: DatabaseSync, path: string): void {
  const refuse = (detail: string, compared?: { got: string; want: string }): never => {
    throw new RefusalError(refusal('E-STORE-FORMAT', `${path}: ${detail}`, compared));
  };
  if (pragma(database, 'application_id') !== APPLICATION_ID) refuse('is not a store');
  const version = pragma(database, 'user_version');
  if (version !== FORMAT_VERSION)
    refuse('was written by another version', { got: `format ${String(version)}`, want: `format ${FORMAT_VERSION}` });
  const found = database.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  if (found.map((row) => row['sql']).join('\n') !== TABLES.join('\n')) refuse('has other tables than this version');
}

/** Pages and their order; what stands in the rows is checked when they are read. */
function checkWhole(database: DatabaseSync, path: string): void {
  if (statSync(path).size > CHECKED_WHOLE_BYTES) return;
  if (pragma(database, 'quick_check') !== 'ok')
    throw new RefusalError(refusal('E-STORE-DAMAGED', `${path}: SQLite's quick_check`));
}

/**
 * FULL syncs the log at every commit, which NORMAL does not; the fullfsync pair is for macOS, where fsync alone leaves
 * data in the drive's cache. secure_delete overwrites deleted blobs in the database file.
 */
function configure(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;');
  database.exec('PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;');
  // Last, so that a foreign file is refused before anything in it changes.
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${WAL_BYTES};`);
}

const pragma = (database: DatabaseSync, name: 'application_id' | 'user_version' | 'quick_check'): unknown =>
  database.prepare(`PRAGMA ${name}`).get()?.[name];
