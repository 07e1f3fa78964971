import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainBuffer } from '../../../../lib/attestation/attesters/device-ioctl.ts';
import { koffiIoctl, koffiLoads } from '../../../../lib/attestation/attesters/koffi-ioctl.ts';

/** A harmless real ioctl of Linux: how many bytes wait in a pipe. */
const FIONREAD = 0x541b;
const usable = process.platform === 'linux' && (await koffiLoads());
if (!usable) console.warn('SKIPPED: koffi does not load here; no real ioctl is called');

let folder = '';
let pipe = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ioctl-'));
  pipe = join(folder, 'pipe');
  if (usable) execFileSync('mkfifo', [pipe]);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.skipIf(!usable)('a real ioctl fills the buffer', async () => {
  const fd = openSync(pipe, 'r+');
  try {
    writeSync(fd, 'seventeen letters');
    const bytes = new Uint8Array(8).fill(0xff);
    await koffiIoctl.call({ device: pipe, request: FIONREAD, argument: plainBuffer(bytes) });
    expect(new DataView(bytes.buffer).getInt32(0, true)).toBe(17);
    expect(bytes.subarray(4)).toEqual(new Uint8Array(4).fill(0xff));
    readSync(fd, Buffer.alloc(17));
  } finally {
    closeSync(fd);
  }
});

test.skipIf(!usable)('pointers lead to the other buffers, and no address stays behind', async () => {
  // FIONREAD writes through the first pointer it is given: the argument itself. The rest must come back as it was.
  const fd = openSync(pipe, 'r+');
  try {
    const inner = new Uint8Array(16).fill(5);
    const bytes = new Uint8Array(24).fill(7);
    const argument = { bytes, pointers: [{ offset: 8, to: plainBuffer(inner) }] };
    await koffiIoctl.call({ device: pipe, request: FIONREAD, argument });
    expect(bytes).toEqual(
      Uint8Array.from([0, 0, 0, 0, 7, 7, 7, 7, ...new Uint8Array(8), ...new Uint8Array(8).fill(7)]),
    );
    expect(inner).toEqual(new Uint8Array(16).fill(5));
  } finally {
    closeSync(fd);
  }
});

test.skipIf(!usable)('errors have the names of the system', async () => {
  const ask = (device: string, request: number) =>
    koffiIoctl.call({ device, request, argument: plainBuffer(new Uint8Array(8)) });
  await expect(ask('/dev/null', FIONREAD)).rejects.toMatchObject({ code: 'ENOTTY' });
  await expect(ask(join(folder, 'absent'), FIONREAD)).rejects.toMatchObject({ code: 'ENOENT' });
});
