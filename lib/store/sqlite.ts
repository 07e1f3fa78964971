import type { DatabaseSync } from 'node:sqlite';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { err, ok, type Result } from '../core/result.ts';
import { conflict } from './conflict.ts';
import { guardIo, openDatabase } from './sqlite-database.ts';
import { checkLimit, checkName, checkVersion, type Store } from './store.ts';

/**
 * One SQLite file (mode 0600, write-ahead log). Several handles and processes may share it: writers wait up to
 * 10 s for each other. Its thief reads every event and blob; its restorer shows an older state, which only the
 * statement chain reveals (PROTOCOL §7).
 *
 * Refuses with E-STORE-FORMAT what it does not know; rejects with a RefusalError (E-STORE-IO) when the disk fails.
 */
export async function openSqliteStore(path: string): Promise<Result<Store, Refusal>> {
  const opened = openDatabase(path);
  return opened.ok ? ok(storeOn(opened.value)) : opened;
}

function storeOn(database: DatabaseSync): Store {
  const statements = guardIo(() => ({
    version: database.prepare('SELECT coalesce(max(version), 0) AS version FROM events WHERE stream = ?'),
    append: database.prepare('INSERT INTO events (stream, version, bytes) VALUES (?, ?, ?)'),
    read: database.prepare(
      'SELECT version, bytes FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?',
    ),
    put: database.prepare(
      'INSERT INTO blobs (key, bytes) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes',
    ),
    get: database.prepare('SELECT bytes FROM blobs WHERE key = ?'),
    keys: database.prepare('SELECT key FROM blobs WHERE substr(key, 1, length(?1)) = ?1'),
    delete: database.prepare('DELETE FROM blobs WHERE key = ?'),
  }));

  /** IMMEDIATE takes the write lock before the version is read, so that no other writer slips in between. */
  const inTransaction = <T>(work: () => Result<T, Refusal>): Result<T, Refusal> => {
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
        return guardIo(() =>
          inTransaction(() => {
            const held = Number(statements.version.get(stream)?.['version']);
            if (held !== expectedVersion) return err(conflict(stream, { got: held, want: expectedVersion }));
            events.forEach((event, index) => statements.append.run(stream, held + 1 + index, event));
            return ok(held + events.length);
          }),
        );
      },
      async read(stream, fromVersion = 0, limit = Infinity) {
        checkName(stream);
        checkVersion(fromVersion);
        checkLimit(limit);
        const rows = guardIo(() => statements.read.all(stream, fromVersion, limit === Infinity ? ALL_ROWS : limit));
        return rows.map((row, index) => {
          if (row['version'] !== fromVersion + 1 + index) throw new RefusalError(gap(stream));
          return bytesOf(row['bytes']);
        });
      },
    },
    blobs: {
      async put(key, bytes) {
        checkName(key);
        guardIo(() => statements.put.run(key, bytes));
      },
      async get(key) {
        checkName(key);
        const row = guardIo(() => statements.get.get(key));
        return row === undefined ? null : bytesOf(row['bytes']);
      },
      async keys(prefix) {
        checkName(prefix);
        return guardIo(() => statements.keys.all(prefix)).map((row) => textOf(row['key']));
      },
      async delete(key) {
        checkName(key);
        guardIo(() => statements.delete.run(key));
      },
    },
    async close() {
      if (database.isOpen)
        guardIo(() => {
          database.close();
        });
    },
  };
}

/** To SQLite a negative limit is none. */
const ALL_ROWS = -1;

const gap = (stream: string): Refusal => refusal('E-STORE-FORMAT', `stream ${stream} has a gap`);

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new RefusalError(refusal('E-STORE-FORMAT', 'a stored value is not bytes'));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new RefusalError(refusal('E-STORE-FORMAT', 'a stored key is not text'));
}
