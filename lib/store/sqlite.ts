import type { DatabaseSync } from 'node:sqlite';
import { bytesEqual } from '../core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { conflict } from './conflict.ts';
import { guardIo } from './disk-fault.ts';
import { rowDigest } from './row-digest.ts';
import { openDatabase, type SqliteOptions } from './sqlite-database.ts';
import { placeGuard } from './store-file.ts';
import { checkLimit, checkName, checkVersion, type Store } from './store.ts';

/**
 * One SQLite file (mode 0600, write-ahead log). Several handles and processes may share it: writers wait up to
 * 10 s for each other. Its thief reads every event and blob; its restorer shows an older state, which only the
 * statement chain reveals (PROTOCOL §7).
 *
 * Refuses what it cannot open: E-STORE-FORMAT, -DAMAGED, -PERMISSION, -PATH, -READONLY, -LOCKED, -FULL, -IO. Every call
 * rejects with a RefusalError of one of these when the disk refuses or what it gives back is not what was stored; the
 * transaction that it belonged to is undone.
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Result<Store, Refusal>> {
  const opened = openDatabase(path, options);
  return opened.ok ? ok(storeOn(opened.value, path)) : opened;
}

/** The store in an open database whose file is at `path`. */
export function storeOn(database: DatabaseSync, path: string): Store {
  const guarded = <T>(work: () => T): T => guardIo(path, work);
  const requirePlace = guarded(() => placeGuard(path));
  const statements = guarded(() => ({
    version: database.prepare('SELECT coalesce(max(version), 0) AS version FROM events WHERE stream = ?'),
    append: database.prepare('INSERT INTO events (stream, version, bytes, digest) VALUES (?, ?, ?, ?)'),
    read: database.prepare(
      'SELECT version, bytes, digest FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?',
    ),
    put: database.prepare(
      'INSERT INTO blobs (key, bytes, digest) VALUES (?, ?, ?) ' +
        'ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, digest = excluded.digest',
    ),
    get: database.prepare('SELECT bytes, digest FROM blobs WHERE key = ?'),
    keys: database.prepare('SELECT key FROM blobs WHERE substr(key, 1, length(?1)) = ?1'),
    delete: database.prepare('DELETE FROM blobs WHERE key = ?'),
  }));
  const damaged = (what: string): RefusalError => new RefusalError(refusal('E-STORE-DAMAGED', `${path}: ${what}`));
  const bytesOf = (row: Row, place: Place): Uint8Array => {
    const { bytes, digest } = row;
    const whole = bytes instanceof Uint8Array && digest instanceof Uint8Array;
    if (whole && bytesEqual(digest, rowDigest(place, bytes))) return bytes;
    throw damaged(`${place.join(' ')} is not what was stored`);
  };

  /** IMMEDIATE takes the write lock before the version is read, so that no other writer slips in between. */
  const inTransaction = <T>(work: () => Result<T, Refusal>): Result<T, Refusal> => {
    requirePlace();
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec(result.ok ? 'COMMIT' : 'ROLLBACK');
      return result;
    } catch (fault) {
      // SQLite has already rolled back after some faults (full disk, I/O error).
      if (database.isTransaction) database.exec('ROLLBACK');
      throw fault;
    }
  };

  return {
    events: {
      async append(stream, expectedVersion, events) {
        checkName(stream);
        checkVersion(expectedVersion);
        return guarded(() =>
          inTransaction(() => {
            const held = Number(statements.version.get(stream)?.['version']);
            if (held !== expectedVersion) return err(conflict(stream, { got: held, want: expectedVersion }));
            for (const [index, event] of events.entries()) {
              const version = held + 1 + index;
              statements.append.run(stream, version, event, rowDigest(['event', stream, version], event));
            }
            return ok(held + events.length);
          }),
        );
      },
      async version(stream) {
        checkName(stream);
        return guarded(() => Number(statements.version.get(stream)?.['version']));
      },
      async read(stream, fromVersion = 0, limit = Infinity) {
        checkName(stream);
        checkVersion(fromVersion);
        checkLimit(limit);
        const rows = guarded(() => statements.read.all(stream, fromVersion, limit === Infinity ? ALL_ROWS : limit));
        return rows.map((row, index) => {
          const version = fromVersion + 1 + index;
          if (row['version'] !== version) throw damaged(`stream ${stream} has a gap`);
          return bytesOf(row, ['event', stream, version]);
        });
      },
    },
    blobs: {
      async put(key, bytes) {
        checkName(key);
        guarded(() => {
          requirePlace();
          statements.put.run(key, bytes, rowDigest(['blob', key], bytes));
        });
      },
      async get(key) {
        checkName(key);
        const row = guarded(() => statements.get.get(key));
        return row === undefined ? null : bytesOf(row, ['blob', key]);
      },
      async keys(prefix) {
        checkName(prefix);
        return guarded(() => statements.keys.all(prefix)).map((row) => textOf(row['key']));
      },
      async delete(key) {
        checkName(key);
        guarded(() => {
          requirePlace();
          statements.delete.run(key);
        });
      },
    },
    async close() {
      if (database.isOpen)
        guarded(() => {
          database.close();
        });
    },
  };
}

/** To SQLite a negative limit is none. */
const ALL_ROWS = -1;

type Row = Readonly<Record<string, unknown>>;
type Place = readonly (string | number)[];

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error('a STRICT table gave a key that is not text');
}
