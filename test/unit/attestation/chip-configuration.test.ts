import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chipCommandLine,
  chipMainPath,
  parseChipArguments,
  parseLies,
} from '../../../lib/attestation/simulated/chip-arguments.ts';
import { afterDeath, DEFAULT_RESTART_LIMITS } from '../../../lib/attestation/simulated/restart-policy.ts';
import { readRootSeed } from '../../../lib/attestation/simulated/root-seed-file.ts';
import { instant } from '../../../lib/core/ids.ts';

describe('restart policy', () => {
  const died = { exitCode: null, livedMs: 1_000 } as const;

  test('waits longer after each quick death, up to a limit, then gives up', () => {
    const delays: number[] = [];
    let quickDeaths = 0;
    for (;;) {
      const next = afterDeath({ ...died, quickDeaths }, DEFAULT_RESTART_LIMITS);
      if (next.kind === 'end') {
        expect(next.exitCode).toBe(70);
        break;
      }
      delays.push(next.inMs);
      quickDeaths = next.quickDeaths;
    }
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000]);
  });

  test('starts over with the first delay after a healthy life', () => {
    const healthy = { exitCode: 1, livedMs: 30_000, quickDeaths: 9 };
    expect(afterDeath(healthy, DEFAULT_RESTART_LIMITS)).toEqual({ kind: 'restart', inMs: 250, quickDeaths: 1 });
    expect(afterDeath({ ...healthy, livedMs: 29_999 }, DEFAULT_RESTART_LIMITS)).toMatchObject({ inMs: 10_000 });
  });

  test.each([0, 40, 64, 77, 78, 130])('exit code %i is final', (exitCode) => {
    expect(afterDeath({ ...died, exitCode, quickDeaths: 0 }, DEFAULT_RESTART_LIMITS)).toEqual({
      kind: 'end',
      exitCode,
    });
  });
});

describe('root seed file', () => {
  test('is 32 bytes that only the owner reads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'seed-'));
    try {
      const write = (name: string, size: number, mode: number): string => {
        const path = join(folder, name);
        writeFileSync(path, new Uint8Array(size).fill(0xab));
        chmodSync(path, mode);
        return path;
      };
      expect(readRootSeed(write('good', 32, 0o600))).toEqual({ ok: true, value: new Uint8Array(32).fill(0xab) });
      expect(readRootSeed(write('read-only', 32, 0o400)).ok).toBe(true);
      const bad = [
        write('group', 32, 0o640),
        write('others', 32, 0o604),
        write('short', 31, 0o600),
        write('long', 33, 0o600),
        join(folder, 'absent'),
      ];
      for (const path of bad) {
        const refused = readRootSeed(path);
        expect(refused).toMatchObject({ ok: false, error: { code: 'E-CONFIG' } });
        expect(JSON.stringify(refused)).not.toMatch(/abab|171,171/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('chip command line', () => {
  const wanted = {
    rootSeedFile: '/run/seed',
    instance: 'machine-1',
    role: 'site',
    entry: '/app/main.ts',
    repositoryRoot: '/app',
    lies: ['debug=true', 'instance=a=b'],
    programArguments: ['--config', 'x.yaml', '--lie=no'],
  } as const;

  test('is read as it was written, and the arguments of the program stay its own', () => {
    const [main, ...args] = chipCommandLine(wanted);
    expect(main).toBe(chipMainPath);
    expect(parseChipArguments(args)).toEqual({ ok: true, value: wanted });
  });

  test('carries a fixed time, in whole milliseconds only', () => {
    const fixed = { ...wanted, fixedTime: instant(1_700_000_000_000) };
    const [, ...args] = chipCommandLine(fixed);
    expect(parseChipArguments(args)).toEqual({ ok: true, value: fixed });
    for (const time of ['', '-1', '1.5', 'now', '1'.repeat(16)]) {
      const changed = args.map((arg) => (arg.startsWith('--fixed-time') ? `--fixed-time=${time}` : arg));
      expect(parseChipArguments(changed)).toMatchObject({ ok: false, error: { code: 'E-USAGE' } });
    }
  });

  test('refuses what it does not know', () => {
    const [, ...args] = chipCommandLine(wanted);
    const usage = { ok: false, error: { code: 'E-USAGE' } };
    expect(parseChipArguments(args.filter((arg) => !arg.startsWith('--entry')))).toMatchObject(usage);
    expect(parseChipArguments(['--seed=00', ...args])).toMatchObject(usage);
    expect(parseChipArguments(args.map((arg) => (arg === '--role=site' ? '--role=king' : arg)))).toMatchObject(usage);
    fc.assert(
      fc.property(fc.array(fc.string()), (hostile) => {
        expect(parseChipArguments(hostile)).toMatchObject(usage);
      }),
    );
  });

  test('lies are understood or refused by name', () => {
    const told = parseLies([
      `measurement=${'00'.repeat(32)}`,
      'debug=true',
      'instance=a=b',
      'svn=0',
      'role=enclave',
      'certificate-until=5',
    ]);
    expect(told).toEqual({
      ok: true,
      value: {
        measurement: new Uint8Array(32),
        debug: true,
        instance: 'a=b',
        svn: 0,
        role: 'enclave',
        certificateUntil: 5,
      },
    });
    for (const lie of [
      'measurement=00',
      'debug=no',
      'instance=',
      'svn=-1',
      'role=x',
      'certificate-until=',
      'truth=1',
      '',
    ]) {
      expect(parseLies([lie])).toMatchObject({ ok: false, error: { code: 'E-USAGE' } });
    }
  });
});
