import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NONCE_ARGUMENT, nvidiaCommand } from '../../../../lib/attestation/attesters/nvidia-command.ts';
import { runCommand } from '../../../../lib/attestation/attesters/run-command.ts';
import { deviceNonce } from '../../../../lib/attestation/composite/device-binding.ts';
import { nvidiaGpu } from '../../../../lib/attestation/nvidia-gpu/nvidia-gpu.ts';
import type { DeviceAttester } from '../../../../lib/channel/evidence-exchange.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorText } from '../../../vectors/attestation/evidence-vectors.ts';
import { refusalOf } from './report-data.ts';

const script = fileURLToPath(new URL('replay-gpu-evidence.mjs', import.meta.url));
const sessionNonce = new Uint8Array(32).fill(7);
const nonceOf = (index: number): string => toHex(deviceNonce(sessionNonce, index));
const plain = [{ arch: 'HOPPER', evidence: Buffer.alloc(100, 1).toString('base64'), certificate: 'LS0t' }];
let folder = '';
let file = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gpu-'));
  file = join(folder, 'evidence.json');
  writeFileSync(file, JSON.stringify(plain));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const command = (mode: string, path = file): string[] => [process.execPath, script, mode, path, NONCE_ARGUMENT];
const attesterOf = (mode: string, path = file, timeoutMs = 20_000): DeviceAttester =>
  nvidiaCommand({ command: command(mode, path), timeoutMs });
const attest = (mode: string, timeoutMs?: number) => attesterOf(mode, file, timeoutMs).attest(sessionNonce);
const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe.skipIf(evidenceVectorsAbsent)('real evidence of several GPUs', () => {
  const path = 'nvidia/NVIDIA+attestation-sdk/common-test-data/serialized_test_evidence/multi_gpu_hopper.json';

  test('one piece for each, with a nonce of its own, which the parser reads', async () => {
    const real = join(folder, 'real.json');
    writeFileSync(real, vectorText(path));
    const pieces = await attesterOf('ok', real).attest(sessionNonce);
    const originals = JSON.parse(vectorText(path)) as { certificate: string }[];
    expect(pieces.map(parsed)).toMatchObject(
      originals.map(({ certificate }, index) => [{ certificate, nonce: nonceOf(index) }]),
    );
    const nonces = pieces.map((piece) => {
      const read = nvidiaGpu.parse(piece);
      return read.ok ? read.value.devices.map(({ report }) => toHex(report.requestNonce)) : read.error.detail;
    });
    expect(nonces).toEqual(originals.map((_, index) => [nonceOf(index)]));
    expect(nonces.length).toBeGreaterThan(1);
  });

  test('a command that lists one device twice', async () => {
    const [first] = JSON.parse(vectorText(path)) as unknown[];
    const twice = join(folder, 'twice.json');
    writeFileSync(twice, JSON.stringify([first, first]));
    expect((await refusalOf(attesterOf('ok', twice).attest(sessionNonce))).detail).toContain('one device twice');
  });
});

test.each(['ok', 'list'])('what NVIDIA’s tools print: %s', async (mode) => {
  expect((await attest(mode)).map(parsed)).toMatchObject([
    [{ arch: 'HOPPER', nonce: nonceOf(0), certificate: 'LS0t' }],
  ]);
});

test('no device signs the nonce of the session itself', async () => {
  const [piece = new Uint8Array()] = await attest('ok');
  const [{ evidence } = { evidence: '' }] = parsed(piece) as { evidence: string }[];
  expect(Buffer.from(evidence, 'base64').includes(Buffer.from(sessionNonce))).toBe(false);
});

describe('refused', () => {
  test.each([
    ['exit', 'exit status 3'],
    ['stale', 'evidence for another nonce'],
    ['failed', 'no list of devices'],
    ['none', 'no device'],
    ['fewer', '2 devices, then 1'],
    ['odd', 'no list of devices'],
    ['variables', 'no list of devices'],
    ['endless', 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'],
  ])('%s', async (mode, said) => {
    const { code, detail } = await refusalOf(attest(mode));
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
  });

  test('a command that hangs is killed', async () => {
    expect((await refusalOf(attest('hang', 400))).detail).toContain('ETIMEDOUT');
  });

  test('a program that is not there', async () => {
    const absent = nvidiaCommand({ command: [join(folder, 'absent'), NONCE_ARGUMENT] });
    expect((await refusalOf(absent.attest(sessionNonce))).detail).toContain('ENOENT');
  });

  test('no shell reads the arguments', async () => {
    const program = [process.execPath, '-p', 'process.argv[1]', '$(id); `id` | cat'];
    expect(await runCommand(program, { timeoutMs: 5000, maxBytes: 100 })).toBe('$(id); `id` | cat\n');
  });

  test('only what a loader needs of our variables reaches the command', async () => {
    process.env['CONSILIUM_SECRET_OF_A_TEST'] = 'x';
    const names = JSON.parse(
      await runCommand([process.execPath, script, 'variables', file, '00'], { timeoutMs: 5000, maxBytes: 10_000 }),
    ) as string[];
    delete process.env['CONSILIUM_SECRET_OF_A_TEST'];
    expect(names.filter((name) => !['PATH', 'HOME', 'LD_LIBRARY_PATH'].includes(name))).toEqual([]);
  });
});
