import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { FORMAT_VERSION, openDatabase } from '../../../lib/store/sqlite-database.ts';
import { openSqliteStore } from '../../../lib/store/sqlite.ts';
import { conformance } from './conformance.ts';
import { cleanUpTemporaryFiles, openOrThrow, temporaryFile } from './temporary-store.ts';

cleanUpTemporaryFiles();

/** Changes a store's file behind its back. */
function tamper(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

async function storeWithEvents(path: string): Promise<void> {
  const store = await openOrThrow(path);
  await store.events.append('s', 0, [utf8('a'), utf8('b'), utf8('c')]);
  await store.close();
}

describe('sqlite store', () => {
  conformance(() => {
    const path = temporaryFile('store.sqlite');
    return { open: () => openOrThrow(path) };
  });
});

describe('sqlite file', () => {
  test('commits are synced to the disk, not only to the operating system', () => {
    const opened = openDatabase(temporaryFile('store.sqlite'));
    if (!opened.ok) throw new Error(opened.error.code);
    const pragma = (name: string): unknown => opened.value.prepare(`PRAGMA ${name}`).get()?.[name];
    expect(pragma('synchronous')).toBe(2);
    expect(pragma('journal_mode')).toBe('wal');
    expect(pragma('secure_delete')).toBe(1);
    expect(pragma('user_version')).toBe(FORMAT_VERSION);
    opened.value.close();
  });

  test.skipIf(process.platform === 'win32')('only its owner may read it, its log included', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path);
    await store.events.append('s', 0, [utf8('a')]);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
    await store.close();
  });

  test('blobs that come and go leave neither the file nor its log larger than a few of them', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path);
    const megabytes = (suffix: string): number => statSync(path + suffix).size / (1 << 20);
    for (let round = 0; round < 6; round++) {
      await store.blobs.put(`model ${round}`, new Uint8Array(6 << 20).fill(round));
      await store.events.append('s', round, [utf8('small')]);
      await store.blobs.delete(`model ${round - 1}`);
    }
    await store.events.append('s', 6, [utf8('small')]);
    expect(megabytes('')).toBeLessThan(3 * 6);
    expect(megabytes('-wal')).toBeLessThan(5);
    await store.close();
  });

  test.each([FORMAT_VERSION + 1, FORMAT_VERSION - 1])(
    'a file of format %i is refused and left as it was',
    async (version) => {
      const path = temporaryFile('store.sqlite');
      await storeWithEvents(path);
      tamper(path, `PRAGMA user_version = ${version}`);
      const before = readFileSync(path);
      expect(await openSqliteStore(path)).toMatchObject({
        ok: false,
        error: { code: 'E-STORE-FORMAT', got: `format ${version}` },
      });
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );

  test('a file of this number with other tables is refused', async () => {
    const path = temporaryFile('store.sqlite');
    await storeWithEvents(path);
    tamper(path, 'ALTER TABLE events DROP COLUMN digest');
    expect(await openSqliteStore(path)).toMatchObject({ ok: false, error: { code: 'E-STORE-FORMAT' } });
  });

  test('another program’s database is refused and left as it was', async () => {
    const path = temporaryFile('other.sqlite');
    tamper(path, 'CREATE TABLE patients (name TEXT)');
    chmodSync(path, 0o600);
    const before = readFileSync(path);
    expect(await openSqliteStore(path)).toMatchObject({ ok: false, error: { code: 'E-STORE-FORMAT' } });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a file that is no database is refused', async () => {
    const path = temporaryFile('notes.txt');
    writeFileSync(path, 'x'.repeat(5000), { mode: 0o600 });
    expect(await openSqliteStore(path)).toMatchObject({ ok: false, error: { code: 'E-STORE-FORMAT' } });
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(5000));
  });

  test('a stream with a hole is refused, not read around', async () => {
    const path = temporaryFile('store.sqlite');
    await storeWithEvents(path);
    tamper(path, 'DELETE FROM events WHERE version = 2');
    const store = await openOrThrow(path);
    await expect(store.events.read('s')).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-DAMAGED' }] });
    await store.close();
  });

  test('two events that changed places are refused, and so is a blob under another key', async () => {
    const path = temporaryFile('store.sqlite');
    await storeWithEvents(path);
    const first = await openOrThrow(path);
    await first.blobs.put('k', utf8('kept'));
    await first.close();
    tamper(path, 'UPDATE events SET version = 9 WHERE version = 1');
    tamper(path, 'UPDATE events SET version = 1 WHERE version = 2; UPDATE events SET version = 2 WHERE version = 9');
    tamper(path, "UPDATE blobs SET key = 'other'");
    const store = await openOrThrow(path);
    await expect(store.events.read('s')).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-DAMAGED' }] });
    await expect(store.blobs.get('other')).rejects.toMatchObject({ refusals: [{ code: 'E-STORE-DAMAGED' }] });
    await store.close();
  });

  test('a copy that SQLite made of a store in use (VACUUM INTO) is a store', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path);
    await store.events.append('s', 0, [utf8('a'), utf8('b')]);
    await store.blobs.put('k', utf8('kept'));
    tamper(path, `VACUUM INTO '${path}.copy'`);
    await store.close();
    chmodSync(`${path}.copy`, 0o600);
    const copy = await openOrThrow(`${path}.copy`);
    expect(await copy.events.read('s')).toEqual([utf8('a'), utf8('b')]);
    expect(await copy.blobs.get('k')).toEqual(utf8('kept'));
    await copy.close();
  });
});
