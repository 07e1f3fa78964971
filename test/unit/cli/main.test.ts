import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** The real program as users start it, through the launcher that finds Node 24. */
const LAUNCHER = fileURLToPath(new URL('../../../bin/consilium.mjs', import.meta.url));

function consilium(...args: string[]): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], (_fault, stdout, stderr) => {
      resolve({ exit: child.exitCode, stdout, stderr });
    });
  });
}

test('explains a code, with nothing on stderr', async () => {
  const { exit, stdout, stderr } = await consilium('errors', 'E-STORE-IO');
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toContain('The disk failed a read or a write');
});

test('passes the exit code of a refusal through the launcher', async () => {
  const { exit, stderr } = await consilium('erors');
  expect(exit).toBe(64);
  expect(stderr).toContain('did you mean errors?');
});

test('a reader that goes away early is no error', async () => {
  // Its end of the pipe is gone before anything is written: every write fails with EPIPE.
  const child = spawn(process.execPath, [LAUNCHER, 'errors']);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exit] = (await once(child, 'close')) as [number];
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
});
