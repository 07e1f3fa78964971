import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { modulesFor } from '../../../../cli/command-list.ts';
import { runProgram } from '../../../../cli/program.ts';
import { detectPlatforms, type DetectPorts, type Finding } from '../../../../lib/attestation/attesters/detect.ts';
import { findProgram } from '../../../../lib/attestation/attesters/find-program.ts';
import type { PseudoFiles } from '../../../../lib/attestation/attesters/pseudo-files.ts';
import { unavailable } from '../../../../lib/attestation/attesters/unavailable.ts';
import { memoryIo } from '../../cli/memory-io.ts';
import { fakeConfigfsTsm } from './fake-configfs-tsm.ts';

interface Machine {
  readonly provider?: 'tdx_guest' | 'sev_guest';
  /** What the kernel says to a new entry of configfs-tsm where there is no provider. */
  readonly tsm?: string;
  /** Devices and sockets: null: usable, else the error. */
  readonly devices?: Readonly<Record<string, string | null>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly koffi?: boolean;
  readonly dstackAnswers?: boolean;
  readonly programs?: readonly string[];
}

const system = (code: string): Error => Object.assign(new Error(code), { code });

/** Ports onto a machine of which only what is named exists; every write and every question is an error of the test. */
function portsOf(machine: Machine): DetectPorts & { readonly asked: string[] } {
  const asked: string[] = [];
  const { provider = 'tdx_guest', tsm = 'ENOENT', devices = {}, texts = {} } = machine;
  const kernel = fakeConfigfsTsm({
    provider,
    report: () => {
      throw new Error('a report was asked for');
    },
    disturbances: machine.provider === undefined ? { refusesEntries: tsm } : {},
  });
  const files: PseudoFiles = {
    ...kernel.files,
    write: async (path) => {
      throw new Error(`wrote to ${path}`);
    },
    read: async (path, maxBytes) => {
      const text = texts[path];
      if (text !== undefined) return new TextEncoder().encode(text);
      if (!path.startsWith('/sys/kernel/config')) throw system('ENOENT');
      return kernel.files.read(path, maxBytes);
    },
    mayUse: async (path) => {
      const code = devices[path];
      if (code === undefined) throw system('ENOENT');
      if (code !== null) throw system(code);
    },
  };
  return {
    asked,
    files,
    dstack: {
      call: async (method) => {
        asked.push(method);
        if (machine.dstackAnswers !== true) throw unavailable('dstack', 'nothing', 'start it');
        return {};
      },
    },
    koffiLoads: async () => machine.koffi ?? true,
    findProgram: async (name) => (machine.programs?.includes(name) === true ? `/usr/bin/${name}` : null),
  };
}

const ORDER = ['tdx', 'sev-snp', 'sgx', 'nitro', 'dstack', 'azure', 'nvidia-gpu'];
async function found(machine: Machine, platform: string): Promise<Finding> {
  const findings = await detectPlatforms(portsOf(machine));
  expect(findings.map((finding) => finding.platform)).toEqual(ORDER);
  const finding = findings.find((one) => one.platform === platform);
  if (finding === undefined) throw new Error('not looked for');
  return finding;
}

test('a machine with nothing: all absent, each with what to do', async () => {
  for (const { state, next } of await detectPlatforms(portsOf({}))) {
    expect(state).toBe('absent');
    expect(next).toMatch(/\w{4}/);
  }
});

describe('ready', () => {
  const ready: readonly (readonly [string, Machine, string])[] = [
    ['tdx', { provider: 'tdx_guest' }, 'provider tdx_guest'],
    ['sev-snp', { provider: 'sev_guest' }, 'provider sev_guest'],
    ['sev-snp', { devices: { '/dev/sev-guest': null } }, '/dev/sev-guest, through koffi'],
    ['sgx', { texts: { '/dev/attestation/attestation_type': 'dcap\n' } }, 'dcap'],
    ['nitro', { devices: { '/dev/nsm': null } }, '/dev/nsm'],
    ['dstack', { devices: { '/var/run/dstack.sock': null }, dstackAnswers: true }, 'answers'],
    ['nvidia-gpu', { devices: { '/dev/nvidiactl': null }, programs: ['nvattest'] }, 'nvattest'],
  ];
  test.each(ready)('%s on %j', async (platform, machine, says) => {
    const finding = await found(machine, platform);
    expect(finding).toMatchObject({ state: 'ready', next: null });
    expect(finding.found).toContain(says);
  });

  test('one platform that is there says nothing about the others', async () => {
    const findings = await detectPlatforms(portsOf({ provider: 'sev_guest' }));
    expect(findings.filter(({ state }) => state === 'ready').map(({ platform }) => platform)).toEqual(['sev-snp']);
    expect(findings[0]).toMatchObject({ platform: 'tdx', state: 'absent', found: 'configfs-tsm, provider sev_guest' });
  });
});

describe('there, but blocked', () => {
  const azure = { '/sys/class/dmi/id/sys_vendor': 'Microsoft Corporation\n' };
  const blocked: readonly (readonly [string, Machine, string])[] = [
    ['tdx', { tsm: 'EACCES' }, 'the right to read and write'],
    ['tdx', { devices: { '/dev/tdx_guest': null } }, 'boot Linux 6.7'],
    ['sev-snp', { devices: { '/dev/sev-guest': 'EACCES' } }, 'the right to read and write'],
    ['sev-snp', { devices: { '/dev/sev-guest': null }, koffi: false }, 'koffi'],
    ['sgx', { texts: { '/dev/attestation/attestation_type': 'none' } }, 'sgx.remote_attestation = "dcap"'],
    ['nitro', { devices: { '/dev/nsm': 'EPERM' } }, 'the right to read and write'],
    ['nitro', { devices: { '/dev/nsm': null }, koffi: false }, 'koffi'],
    ['dstack', { devices: { '/var/run/dstack.sock': null } }, 'guest agent'],
    ['azure', { texts: azure, devices: { '/dev/tpmrm0': null } }, 'cannot make it'],
    ['azure', { texts: azure, devices: { '/dev/tpmrm0': 'EACCES' } }, 'the right to read and write'],
    ['nvidia-gpu', { devices: { '/dev/nvidiactl': null } }, 'attestation tools'],
  ];
  test.each(blocked)('%s on %j', async (platform, machine, advice) => {
    const finding = await found(machine, platform);
    expect(finding.state).toBe('blocked');
    expect(finding.next).toContain(advice);
  });
});

test('nothing is attested or written: of dstack only Info is asked', async () => {
  const machine: Machine = {
    provider: 'tdx_guest',
    devices: { '/var/run/dstack.sock': null, '/dev/nsm': null, '/dev/nvidiactl': null },
    texts: { '/dev/attestation/attestation_type': 'dcap' },
    dstackAnswers: true,
    programs: ['nvattest'],
  };
  const ports = portsOf(machine);
  await detectPlatforms(ports);
  expect(ports.asked).toEqual(['Info']);
});

test('what a file says cannot command a terminal', async () => {
  const type = `\u001b[2Jdcap${'x'.repeat(100)}`;
  const { found: said } = await found({ texts: { '/dev/attestation/attestation_type': type } }, 'sgx');
  expect(said).not.toContain('\u001b');
  expect(said.length).toBeLessThan(110);
});

test('a fault that is no error of the system is not an answer', async () => {
  const ports = portsOf({});
  const files = { ...ports.files, makeFolder: () => Promise.reject(new TypeError('bug')) };
  await expect(detectPlatforms({ ...ports, files })).rejects.toThrow(TypeError);
});

test('programs are found on PATH only where they may be run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'path-'));
  try {
    const file = join(folder, 'nvattest');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    expect(await findProgram('nvattest', folder)).toBeNull();
    chmodSync(file, 0o700);
    expect(await findProgram('nvattest', `/absent:${folder}`)).toBe(file);
    expect(await findProgram('nvattest', '')).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('consilium attest detect', () => {
  const run = async (...words: string[]): Promise<string> => {
    const io = memoryIo();
    const line = ['attest', 'detect', ...words];
    expect(await runProgram(line, await modulesFor(line), io)).toBe(0);
    return io.written.stdout();
  };

  test('--json: one line for each platform, of this very machine', async () => {
    const lines = (await run('--json')).trim().split('\n');
    const findings = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(findings.map(({ platform }) => platform)).toEqual(ORDER);
    for (const finding of findings)
      expect(finding).toMatchObject({ type: 'platform', found: expect.any(String) as string });
  });

  test('for people: a table, what would be needed, and that nothing was attested', async () => {
    const text = await run();
    for (const platform of ORDER) expect(text).toContain(platform);
    expect(text).toContain('Nothing was attested.');
  });
});
