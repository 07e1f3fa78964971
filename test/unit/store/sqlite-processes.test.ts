import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { cleanUpTemporaryFiles, openOrThrow, temporaryFile } from './temporary-store.ts';

cleanUpTemporaryFiles();

const WRITER = fileURLToPath(new URL('writer-process.ts', import.meta.url));

interface Writer {
  readonly child: ChildProcess;
  /** Lines printed so far: indices whose append resolved. */
  readonly lines: string[];
  readonly ended: Promise<unknown>;
}

function startWriter(
  path: string,
  options: { name: string; times?: number; padding?: number; limitKiB?: number },
): Writer {
  const { name, times = 0, padding = 0, limitKiB } = options;
  const args = ['--disable-warning=ExperimentalWarning', WRITER, path, name, `${times}`, `${padding}`];
  const limited = ['-c', `ulimit -f ${limitKiB ?? 'unlimited'} && exec "$0" "$@"`, process.execPath, ...args];
  const child =
    limitKiB === undefined
      ? spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn('bash', limited, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return { child, lines, ended: once(child, 'close') };
}

async function storedIn(path: string): Promise<string[]> {
  const store = await openOrThrow(path);
  const events = await store.events.read('s');
  await store.close();
  return events.map((event) => new TextDecoder().decode(event).split('.')[0] ?? '');
}

async function untilWritten(writer: Writer, count: number): Promise<void> {
  while (writer.lines.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('three processes that start on a new file at once lose nothing', async () => {
  const path = temporaryFile('store.sqlite');
  const writers = ['a', 'b', 'c'].map((name) => startWriter(path, { name, times: 25 }));
  await Promise.all(writers.map(({ ended }) => ended));
  const stored = await storedIn(path);
  expect(stored).toHaveLength(75);
  for (const name of ['a', 'b', 'c']) {
    const own = stored.filter((text) => text.startsWith(name));
    expect(own).toEqual(Array.from({ length: 25 }, (_, index) => `${name}-${index}`));
  }
});

test('what a killed writer was promised is there, in order, and the next writer goes on', async () => {
  const path = temporaryFile('store.sqlite');
  for (const [kill, count] of [5, 23, 60].entries()) {
    const already = (await storedIn(path)).length;
    const writer = startWriter(path, { name: `w${kill}` });
    await untilWritten(writer, count);
    writer.child.kill('SIGKILL');
    await writer.ended;
    const stored = (await storedIn(path)).slice(already);
    // At most one append may have been stored without its promise having been heard.
    expect(stored.length).toBeGreaterThanOrEqual(writer.lines.length);
    expect(stored.length).toBeLessThanOrEqual(writer.lines.length + 1);
    expect(stored).toEqual(stored.map((_, index) => `w${kill}-${index}`));
  }
});

test.skipIf(process.platform === 'win32')(
  'a limit on the size of files refuses the append with E-STORE-FULL and keeps what it promised',
  async () => {
    const path = temporaryFile('store.sqlite');
    const writer = startWriter(path, { name: 'w', padding: 20_000, limitKiB: 400 });
    await writer.ended;
    const promised = writer.lines.slice(0, -1);
    expect(writer.lines.at(-1)).toBe('E-STORE-FULL');
    expect(promised.length).toBeGreaterThan(2);
    expect(await storedIn(path)).toEqual(promised.map((index) => `w-${index}`));
    const store = await openOrThrow(path);
    expect(await store.events.append('s', promised.length, [utf8('room again')])).toMatchObject({ ok: true });
    await store.close();
  },
);
