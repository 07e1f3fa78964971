import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import type { ErrorCode } from '../../../lib/core/errors.ts';
import { openDatabase } from '../../../lib/store/sqlite-database.ts';
import { openSqliteStore, storeOn } from '../../../lib/store/sqlite.ts';
import { cleanUpTemporaryFiles, openOrThrow, temporaryFile } from './temporary-store.ts';

/** Real conditions, each put in the way of a store that holds something, and taken away again: nothing is lost. */

cleanUpTemporaryFiles();

const WRITER = fileURLToPath(new URL('writer-process.ts', import.meta.url));
const NODE = ['--disable-warning=ExperimentalWarning', WRITER];
const run = promisify(execFile);

/** `nobody` where tests run as root, whom no mode keeps out; else the user who runs them. */
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const unprivileged = isRoot ? [`${NOBODY}`] : [];
const isWindows = process.platform === 'win32';

/** What `test/unit/store/writer-process.ts` printed: promised indices, and the code that stopped it. */
async function write(path: string, options: { times: number; padding?: number }): Promise<string[]> {
  const args = [...NODE, path, 'w', `${options.times}`, `${options.padding ?? 0}`, ...unprivileged];
  const { stdout } = await run(process.execPath, args);
  return stdout.trimEnd().split('\n');
}

/** A store in a folder of the unprivileged user, with two events in it. */
async function storeOfUser(): Promise<string> {
  const path = temporaryFile('store.sqlite');
  const store = await openOrThrow(path);
  await store.events.append('s', 0, [utf8('kept'), utf8('kept too')]);
  await store.close();
  if (isRoot) for (const place of [path, dirname(path)]) chownSync(place, NOBODY, NOBODY);
  return path;
}

const textsIn = async (path: string): Promise<string[]> => {
  const store = await openOrThrow(path);
  const events = await store.events.read('s');
  await store.close();
  return events.map((event) => new TextDecoder().decode(event).split('.')[0] ?? '');
};

const refusedAs = (code: ErrorCode): object => ({ refusals: [{ code }] });

describe('a full disk', () => {
  test('refuses an append whole, keeps what was promised, and takes more once there is room', async () => {
    const path = temporaryFile('store.sqlite');
    const opened = openDatabase(path);
    if (!opened.ok) throw new Error(opened.error.code);
    const store = storeOn(opened.value, path);
    const { events, blobs } = store;
    await events.append('s', 0, [utf8('kept')]);
    await blobs.put('k', utf8('kept'));
    const pages = Number(opened.value.prepare('PRAGMA page_count').get()?.['page_count']);
    opened.value.exec(`PRAGMA max_page_count = ${pages}`);
    const large = new Uint8Array(100_000);
    await expect(events.append('s', 1, [utf8('first half'), large])).rejects.toMatchObject(refusedAs('E-STORE-FULL'));
    await expect(blobs.put('k', large)).rejects.toMatchObject(refusedAs('E-STORE-FULL'));
    expect(await events.read('s')).toEqual([utf8('kept')]);
    expect(await blobs.get('k')).toEqual(utf8('kept'));
    opened.value.exec('PRAGMA max_page_count = 1000000');
    expect(await events.append('s', 1, [large])).toEqual({ ok: true, value: 2 });
    await store.close();
    expect(await textsIn(path)).toHaveLength(2);
  });

  const mountable = !isWindows && spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  if (!mountable) console.warn('SKIPPED: no file system can be mounted here; full and read-only ones are not tried');

  test.skipIf(!mountable)('of its own, and one that is mounted read-only: named, and nothing is lost', async () => {
    const folder = dirname(temporaryFile('x'));
    mkdirSync(join(folder, 'disk'));
    const script = `
      mount -t tmpfs -o size=300k,mode=700 none disk
      "$@" disk/store.sqlite w 0 20000 > full
      mount -o remount,size=4m disk
      "$@" disk/store.sqlite again 2 > room
      mount -o remount,ro disk
      "$@" disk/store.sqlite w 1 > readonly
      "$@" disk/other.sqlite w 1 > readonly-new
      mount -o remount,rw disk
      "$@" disk/store.sqlite last 1 > writable
      cp -p disk/store.sqlite* .`;
    await run('unshare', ['-rm', 'bash', '-ec', script, 'bash', process.execPath, ...NODE], { cwd: folder });
    const printed = async (name: string): Promise<string[]> =>
      (await run('cat', [join(folder, name)])).stdout.trimEnd().split('\n');
    const promised = await printed('full');
    expect(promised.pop()).toBe('E-STORE-FULL');
    expect(promised.length).toBeGreaterThan(2);
    expect(await printed('room')).toEqual(['0', '1']);
    expect(await printed('readonly')).toEqual(['E-STORE-READONLY']);
    expect(await printed('readonly-new')).toEqual(['E-STORE-READONLY']);
    expect(await printed('writable')).toEqual(['0']);
    const kept = promised.map((index) => `w-${index}`);
    expect(await textsIn(join(folder, 'store.sqlite'))).toEqual([...kept, 'again-0', 'again-1', 'last-0']);
  });
});

describe.skipIf(isWindows)('rights', () => {
  const CASES: Record<string, { readonly take: (path: string) => void; readonly give: (path: string) => void }> = {
    'a file that may only be read': {
      take: (path) => {
        chmodSync(path, 0o400);
      },
      give: (path) => {
        chmodSync(path, 0o600);
      },
    },
    'a file that may not even be read': {
      take: (path) => {
        chmodSync(path, 0);
      },
      give: (path) => {
        chmodSync(path, 0o600);
      },
    },
    'a folder in which nothing may be made': {
      take: (path) => {
        chmodSync(dirname(path), 0o500);
      },
      give: (path) => {
        chmodSync(dirname(path), 0o700);
      },
    },
    'a folder that may not be entered': {
      take: (path) => {
        chmodSync(dirname(path), 0);
      },
      give: (path) => {
        chmodSync(dirname(path), 0o700);
      },
    },
    'a file that the group may read': {
      take: (path) => {
        chmodSync(path, 0o640);
      },
      give: (path) => {
        chmodSync(path, 0o600);
      },
    },
    'a file that others may write': {
      take: (path) => {
        chmodSync(path, 0o602);
      },
      give: (path) => {
        chmodSync(path, 0o600);
      },
    },
  };

  test.each(Object.keys(CASES))('%s: E-STORE-PERMISSION, and all is there when they are given back', async (name) => {
    const path = await storeOfUser();
    CASES[name]?.take(path);
    expect(await write(path, { times: 1 })).toEqual(['E-STORE-PERMISSION']);
    CASES[name]?.give(path);
    expect(await write(path, { times: 1 })).toEqual(['0']);
    if (isRoot) chownSync(path, 0, 0);
    expect(await textsIn(path)).toEqual(['kept', 'kept too', 'w-0']);
  });

  test('a file of another user is refused, by root too', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path);
    await store.close();
    if (isRoot) chownSync(path, NOBODY, NOBODY);
    const refused = await openSqliteStore(isRoot ? path : '/etc/passwd');
    expect(refused).toMatchObject({ ok: false, error: { code: 'E-STORE-PERMISSION' } });
    expect(refused).toMatchObject({ error: { got: `owned by user ${isRoot ? NOBODY : 0}` } });
  });
});

describe('a place', () => {
  test('in a folder that is not there, or below a file, or that is a folder: E-STORE-PATH', async () => {
    const path = temporaryFile('store.sqlite');
    const inNowhere = await openSqliteStore(join(dirname(path), 'nowhere', 'store.sqlite'));
    expect(inNowhere).toMatchObject({ ok: false, error: { code: 'E-STORE-PATH' } });
    writeFileSync(`${path}.file`, 'x');
    expect(await openSqliteStore(join(`${path}.file`, 'store.sqlite'))).toMatchObject({
      error: { code: 'E-STORE-PATH' },
    });
    mkdirSync(path);
    expect(await openSqliteStore(path)).toMatchObject({ ok: false, error: { code: 'E-STORE-PATH' } });
    expect(readdirSync(dirname(path)).sort()).toEqual(['store.sqlite', 'store.sqlite.file']);
  });

  test.skipIf(isWindows)('that another file takes while the store is open: no write is promised', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path);
    await store.events.append('s', 0, [utf8('kept')]);
    await store.blobs.put('k', utf8('kept'));
    renameSync(path, `${path}.away`);
    await expect(store.events.append('s', 1, [utf8('lost')])).rejects.toMatchObject(refusedAs('E-STORE-PATH'));
    writeFileSync(path, 'an old copy', { mode: 0o600 });
    await expect(store.events.append('s', 1, [utf8('lost')])).rejects.toMatchObject(refusedAs('E-STORE-PATH'));
    await expect(store.blobs.put('k', utf8('lost'))).rejects.toMatchObject(refusedAs('E-STORE-PATH'));
    await expect(store.blobs.delete('k')).rejects.toMatchObject(refusedAs('E-STORE-PATH'));
    renameSync(`${path}.away`, path);
    expect(await store.events.append('s', 1, [utf8('also kept')])).toEqual({ ok: true, value: 2 });
    await store.close();
    expect(await textsIn(path)).toEqual(['kept', 'also kept']);
  });

  test('is made whole or not at all: a file that could not be filled leaves no file', async () => {
    const path = temporaryFile('store.sqlite');
    const script = `ulimit -f 4 && exec "$0" "$@"`;
    const { stdout } = await run('bash', ['-c', script, process.execPath, ...NODE, path, 'w', '1']);
    expect(stdout.trimEnd()).toBe('E-STORE-FULL');
    expect(readdirSync(dirname(path))).toEqual([]);
    expect(await write(path, { times: 1 })).toEqual(isRoot ? ['E-STORE-PERMISSION'] : ['0']);
  });
});

describe('a store that another process holds', () => {
  const HOLD = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(process.argv[1]);
    database.exec('BEGIN IMMEDIATE');
    console.log('held');
    process.stdin.once('data', () => { database.exec('ROLLBACK'); process.exit(0); });`;

  test('is E-STORE-LOCKED when it is opened and when it is written; then it goes on', async () => {
    const path = temporaryFile('store.sqlite');
    const store = await openOrThrow(path, { busyTimeoutMs: 20 });
    await store.events.append('s', 0, [utf8('kept')]);
    const holder = spawn(process.execPath, ['-e', HOLD, path], { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(holder.stdout, 'data');
    const refused = await openSqliteStore(path, { busyTimeoutMs: 20 });
    expect(refused).toMatchObject({ ok: false, error: { code: 'E-STORE-LOCKED' } });
    await expect(store.events.append('s', 1, [utf8('x')])).rejects.toMatchObject(refusedAs('E-STORE-LOCKED'));
    await expect(store.blobs.put('k', utf8('x'))).rejects.toMatchObject(refusedAs('E-STORE-LOCKED'));
    expect(await store.events.read('s')).toEqual([utf8('kept')]);
    holder.stdin.end('go\n');
    await once(holder, 'close');
    expect(await store.events.append('s', 1, [utf8('next')])).toEqual({ ok: true, value: 2 });
    await store.close();
    expect(await textsIn(path)).toEqual(['kept', 'next']);
  });
});
