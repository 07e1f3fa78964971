import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NONCE_ARGUMENT, nvidiaCommand } from '../../../../lib/attestation/attesters/nvidia-command.ts';
import { runCommand } from '../../../../lib/attestation/attesters/run-command.ts';
import { gpuNonce } from '../../../../lib/attestation/gpu-nonce.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorText } from '../../../vectors/attestation/evidence-vectors.ts';
import { refusalOf, someReportData } from './report-data.ts';

const script = fileURLToPath(new URL('replay-gpu-evidence.mjs', import.meta.url));
const reportData = someReportData();
const nonce = gpuNonce(ReportData.bytesOf(reportData));
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
const collect = (mode: string, timeoutMs?: number) =>
  nvidiaCommand({ command: command(mode), ...(timeoutMs === undefined ? {} : { timeoutMs }) }).collect(reportData);
const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

test.skipIf(evidenceVectorsAbsent)('real evidence of two GPUs, with the nonce of this report data', async () => {
  const path = 'nvidia/NVIDIA+attestation-sdk/common-test-data/serialized_test_evidence/multi_gpu_hopper.json';
  const real = join(folder, 'real.json');
  writeFileSync(real, vectorText(path));
  const devices = parsed(await nvidiaCommand({ command: command('ok', real) }).collect(reportData)) as {
    evidence: string;
    nonce: string;
    certificate: string;
  }[];
  const originals = JSON.parse(vectorText(path)) as typeof devices;
  expect(devices.map(({ certificate }) => certificate)).toEqual(originals.map(({ certificate }) => certificate));
  for (const { evidence, nonce: stated } of devices) {
    expect(stated).toBe(toHex(nonce));
    expect(new Uint8Array(Buffer.from(evidence, 'base64').subarray(4, 36))).toEqual(nonce);
  }
});

test.each(['ok', 'list'])('what NVIDIA’s tools print: %s', async (mode) => {
  expect(parsed(await collect(mode))).toMatchObject([{ arch: 'HOPPER', nonce: toHex(nonce), certificate: 'LS0t' }]);
});

test('the nonce is not the report data, and other report data gives another', () => {
  expect(nonce).toHaveLength(32);
  expect(Buffer.from(ReportData.bytesOf(reportData)).includes(Buffer.from(nonce))).toBe(false);
  expect(gpuNonce(ReportData.bytesOf(someReportData(8)))).not.toEqual(nonce);
});

describe('refused', () => {
  test.each([
    ['exit', 'exit status 3'],
    ['stale', 'evidence for another nonce'],
    ['failed', 'no list of devices'],
    ['none', 'no device'],
    ['variables', 'no list of devices'],
    ['endless', 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'],
  ])('%s', async (mode, said) => {
    const { code, detail } = await refusalOf(collect(mode));
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
  });

  test('a command that hangs is killed', async () => {
    expect((await refusalOf(collect('hang', 400))).detail).toContain('ETIMEDOUT');
  });

  test('a program that is not there', async () => {
    const absent = nvidiaCommand({ command: [join(folder, 'absent'), NONCE_ARGUMENT] });
    expect((await refusalOf(absent.collect(reportData))).detail).toContain('ENOENT');
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
