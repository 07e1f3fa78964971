import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { RefusalError, type ErrorCode } from '../../../lib/core/errors.ts';
import { openSqliteStore } from '../../../lib/store/sqlite.ts';
import { cleanUpTemporaryFiles, openOrThrow, temporaryFile } from './temporary-store.ts';

/** Files that are not what was written: refused by name, or exactly what was stored; never something else. */

cleanUpTemporaryFiles();

const SUFFIXES = ['', '-wal', '-shm'];
/** Commits of one, two and three events, so that half a commit would be seen. */
const COMMITS = Array.from({ length: 12 }, (_, commit) =>
  Array.from({ length: 1 + (commit % 3) }, (__, event) => utf8(`${commit}.${event} `.repeat(90))),
);
const ALL = COMMITS.flat();
const BLOB = utf8('a model '.repeat(700));

interface Stored {
  readonly events: readonly Uint8Array[];
  readonly blob: Uint8Array | null;
}

/** A store whose last eight commits are in its log only, as a killed program leaves it; and one that was closed. */
let killed = '';
let closed = '';
const length = (suffix: string): number => readFileSync(`${suffix === '' ? closed : killed}${suffix}`).length;

beforeAll(async () => {
  const path = temporaryFile('store.sqlite');
  const first = await openOrThrow(path);
  let version = 0;
  await first.blobs.put('model', BLOB);
  for (const commit of COMMITS.slice(0, 4))
    version += (await first.events.append('s', version, commit)).ok ? commit.length : 0;
  await first.close();
  const second = await openOrThrow(path);
  for (const commit of COMMITS.slice(4))
    version += (await second.events.append('s', version, commit)).ok ? commit.length : 0;
  killed = copyOf(path);
  await second.close();
  closed = copyOf(path);
});

/** The files as they are now, in a folder of their own. */
function copyOf(path: string): string {
  const copy = temporaryFile('store.sqlite');
  for (const suffix of SUFFIXES) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
  return copy;
}

/** Everything in the store, or the code it is refused with. */
async function readWhole(path: string): Promise<Stored | ErrorCode> {
  const opened = await openSqliteStore(path);
  if (!opened.ok) return opened.error.code;
  const store = opened.value;
  const { events, blobs } = store;
  try {
    return { events: await events.read('s'), blob: await blobs.get('model') };
  } catch (fault) {
    if (fault instanceof RefusalError) return fault.refusals[0].code;
    throw fault;
  } finally {
    await store.close();
  }
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
  writeFileSync(path, bytes);
}

/** Numbers below `end`, `step` apart. */
const positions = (end: number, step: number): number[] =>
  Array.from({ length: Math.ceil(end / step) }, (_, index) => index * step);

test('both stores hold everything before they are damaged', async () => {
  expect(await readWhole(copyOf(killed))).toEqual({ events: ALL, blob: BLOB });
  expect(await readWhole(copyOf(closed))).toEqual({ events: ALL, blob: BLOB });
  expect(existsSync(`${closed}-wal`)).toBe(false);
});

describe('a file', () => {
  test('that was cut short anywhere is refused', async () => {
    const path = copyOf(closed);
    for (const size of [...positions(length(''), 2900), length('') - 1]) {
      copyFileSync(closed, path);
      truncateSync(path, size);
      // Below sixteen bytes it is not even known to be a database.
      expect(await readWhole(path), `${size} bytes`).toBe(size > 0 && size < 16 ? 'E-STORE-FORMAT' : 'E-STORE-DAMAGED');
    }
  });

  test('with a flipped bit is refused or gives exactly what was stored', async () => {
    const path = copyOf(closed);
    const outcomes = new Map<unknown, number>();
    for (const at of positions(length(''), 389)) {
      copyFileSync(closed, path);
      flipBit(path, at);
      const read = await readWhole(path);
      if (typeof read !== 'string') expect(read, `bit in byte ${at}`).toEqual({ events: ALL, blob: BLOB });
      const outcome = typeof read === 'string' ? read : 'whole';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].sort()).toEqual(['E-STORE-DAMAGED', 'E-STORE-FORMAT', 'whole']);
    expect(outcomes.get('E-STORE-DAMAGED')).toBeGreaterThan(20);
  });

  test('that is empty, that begins with zeros, or that is gone from beside its log is refused and left alone', async () => {
    const path = copyOf(killed);
    writeFileSync(path, '');
    expect(await readWhole(path)).toBe('E-STORE-DAMAGED');
    writeFileSync(path, new Uint8Array(8192));
    expect(await readWhole(path)).toBe('E-STORE-DAMAGED');
    rmSync(path);
    expect(await readWhole(path)).toBe('E-STORE-DAMAGED');
    expect(existsSync(path)).toBe(false);
    copyFileSync(killed, path);
    expect(await readWhole(path)).toEqual({ events: ALL, blob: BLOB });
  });

  test('whose pages were overwritten is refused when it is opened, whatever is then read of it', async () => {
    const path = copyOf(closed);
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096, 12_288);
    writeFileSync(path, bytes);
    expect(await openSqliteStore(path)).toMatchObject({ ok: false, error: { code: 'E-STORE-DAMAGED' } });
  });

  test('that is older than the log beside it is refused or gives a stream without a gap', async () => {
    const old = temporaryFile('store.sqlite');
    const store = await openOrThrow(old);
    await store.events.append('s', 0, COMMITS[0] ?? []);
    await store.close();
    copyFileSync(`${killed}-wal`, `${old}-wal`);
    const read = await readWhole(old);
    if (typeof read === 'string') expect(read).toBe('E-STORE-DAMAGED');
    else expect(read.events).toEqual(ALL.slice(0, read.events.length));
  });
});

describe('a log', () => {
  /** Versions at which a commit ended. */
  const ends = COMMITS.reduce<number[]>((all, commit) => [...all, (all.at(-1) ?? 0) + commit.length], [0]);

  async function expectWholeCommits(path: string, what: string): Promise<number> {
    const read = await readWhole(path);
    if (typeof read === 'string') throw new Error(`${what}: ${read}`);
    expect(ends, what).toContain(read.events.length);
    expect(read, what).toEqual({ events: ALL.slice(0, read.events.length), blob: BLOB });
    return read.events.length;
  }

  test('that was torn anywhere comes back to the last whole commit, and takes the next one', async () => {
    const path = copyOf(killed);
    const versions: number[] = [];
    for (const size of [...positions(length('-wal'), 1777), length('-wal')]) {
      for (const suffix of SUFFIXES) copyFileSync(killed + suffix, path + suffix);
      truncateSync(`${path}-wal`, size);
      versions.push(await expectWholeCommits(path, `${size} bytes of the log`));
    }
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions)).toEqual(new Set(ends.slice(4)));
    const store = await openOrThrow(path);
    expect(await store.events.append('s', ALL.length, [utf8('next')])).toEqual({ ok: true, value: ALL.length + 1 });
    await store.close();
  });

  test('with a flipped bit comes back to a whole commit before it, never to something else', async () => {
    const path = copyOf(killed);
    for (const at of positions(length('-wal'), 1499)) {
      for (const suffix of SUFFIXES) copyFileSync(killed + suffix, path + suffix);
      flipBit(`${path}-wal`, at);
      await expectWholeCommits(path, `bit in byte ${at} of the log`);
    }
  });

  test('without its shared memory, or with another one, is read all the same', async () => {
    const path = copyOf(killed);
    rmSync(`${path}-shm`);
    expect(await readWhole(path)).toEqual({ events: ALL, blob: BLOB });
    const other = copyOf(killed);
    writeFileSync(`${other}-shm`, new Uint8Array(32_768).fill(7), { mode: 0o600 });
    expect(await readWhole(other)).toEqual({ events: ALL, blob: BLOB });
  });
});
