import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failuresOf } from '../../../lib/attestation/attestation-result.ts';
import { decodeEvidence } from '../../../lib/attestation/evidence.ts';
import { measureProgram } from '../../../lib/attestation/measure/measure-program.ts';
import { publicationReportData } from '../../../lib/attestation/publication.ts';
import { chipCommandLine } from '../../../lib/attestation/simulated/chip-arguments.ts';
import { startChipProcess, type ChipEvent } from '../../../lib/attestation/simulated/chip-process.ts';
import { SimulatedChip, simulatedRoot } from '../../../lib/attestation/simulated/chip.ts';
import { DEFAULT_RESTART_LIMITS } from '../../../lib/attestation/simulated/restart-policy.ts';
import { parseSimulated } from '../../../lib/attestation/simulated/simulated-evidence.ts';
import { simulatedVerifier } from '../../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../../lib/attestation/verifier.ts';
import { fromHex, toHex } from '../../../lib/core/bytes.ts';
import { instant, type Digest, type Instant, type PublicKey } from '../../../lib/core/ids.ts';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./programs/attesting-program.ts', import.meta.url));
const STARTER = fileURLToPath(new URL('./programs/chip-starter.ts', import.meta.url));
const QUIET = '--disable-warning=ExperimentalWarning';
const SEED = new Uint8Array(32).fill(42);
const filled = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const reportData = publicationReportData({
  bootKey: filled(1) as PublicKey,
  contractDigest: filled(2) as Digest,
  genesisDigest: filled(3) as Digest,
  headDigest: filled(4) as Digest,
});

let folder: string;
let running: Running[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chip-'));
  running = [];
});
afterEach(async () => {
  for (const { process: chip, pids } of running) {
    chip.kill('SIGKILL');
    for (const pid of pids) killIfAlive(pid);
  }
  await Promise.all(running.map(({ exit }) => exit));
  rmSync(folder, { recursive: true });
});

interface Line {
  readonly [key: string]: unknown;
  readonly pid: number;
}

/** A child process with its lines of JSON, from both of its outputs. */
class Running {
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly pids = new Set<number>();
  readonly #lines: Line[] = [];
  #onLine: (() => void) | null = null;
  text = '';

  constructor(args: readonly string[]) {
    const started = spawn(process.execPath, [QUIET, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = started;
    this.exit = new Promise((resolve) => started.once('exit', resolve));
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', (text) => {
        this.text += `${text}\n`;
        if (!text.startsWith('{')) return;
        const line = JSON.parse(text) as Line;
        if (typeof line.pid === 'number') this.pids.add(line.pid);
        this.#lines.push(line);
        this.#onLine?.();
      });
    }
    running.push(this);
  }

  /** The next line with this event, wherever it stands among the lines not taken yet. */
  async event(name: string): Promise<Line> {
    for (;;) {
      const index = this.#lines.findIndex((line) => line['event'] === name);
      const [line] = index === -1 ? [] : this.#lines.splice(index, 1);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
    }
  }
}

function chipArguments(behaviour: string, lies: readonly string[] = [], mode = 0o600, fixedTime?: Instant): string[] {
  const rootSeedFile = join(folder, 'root.seed');
  writeFileSync(rootSeedFile, SEED);
  chmodSync(rootSeedFile, mode);
  return chipCommandLine({
    rootSeedFile,
    instance: 'machine-1',
    role: 'enclave',
    entry: PROGRAM,
    repositoryRoot: REPOSITORY,
    lies,
    programArguments: [behaviour],
    ...(fixedTime === undefined ? {} : { fixedTime }),
  });
}

function failuresOfLine(line: Line): string[] {
  const envelope = fromHex(String(line['evidence'])) ?? new Uint8Array();
  const result = verifierRegistry([simulatedVerifier({ roots: [simulatedRoot(SEED)] })]).verify(envelope, {
    environment: 'simulation',
    role: 'enclave',
    reportData,
    at: instant(Date.now()),
    policy: {
      platforms: ['simulated'],
      measurements: [measureProgram(PROGRAM, REPOSITORY).digest],
      instances: ['machine-1'],
      minSvn: 1,
      evidence: null,
    },
  });
  return failuresOf(result).map(({ code }) => code);
}

describe('a simulated chip as a process', () => {
  test('measures the program itself, quotes for it, and gives it a sealing key', async () => {
    const chip = new Running(chipArguments('stay'));
    const ready = await chip.event('ready');
    expect(failuresOfLine(ready)).toEqual([]);
    const { digest } = measureProgram(PROGRAM, REPOSITORY);
    const expected = new SimulatedChip({ rootSeed: SEED, instance: 'machine-1', now: () => instant(0) });
    expect(ready['sealingKey']).toBe(toHex(expected.sealingKey({ measurement: digest, role: 'enclave' })));
    expect((await chip.event('started'))['measurement']).toBe(toHex(digest));
    expect(chip.text).not.toContain(toHex(SEED));
  });

  test('outlives the kill -9 of its program and starts it again, with the same sealing key', async () => {
    const chip = new Running(chipArguments('stay'));
    const first = await chip.event('ready');
    process.kill(first.pid, 'SIGKILL');
    expect(await chip.event('died')).toMatchObject({ signal: 'SIGKILL', restartInMs: 250 });
    const second = await chip.event('ready');
    expect(second.pid).not.toBe(first.pid);
    expect(second['sealingKey']).toBe(first['sealingKey']);
    expect(failuresOfLine(second)).toEqual([]);
    process.kill(second.pid, 'SIGKILL');
    expect(await chip.event('died')).toMatchObject({ restartInMs: 500 });
    expect(chip.process.exitCode).toBeNull();
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s is passed on and ends both', async (signal) => {
    const chip = new Running(chipArguments('stay'));
    const { pid } = await chip.event('ready');
    chip.process.kill(signal);
    expect(await chip.exit).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });

  test('a program that ignores the signal is killed', async () => {
    let pid = 0;
    const readyFile = join(folder, 'ready');
    const chip = startChipProcess({
      chip: new SimulatedChip({ rootSeed: SEED, instance: 'machine-1', now: () => instant(0) }),
      role: 'enclave',
      entry: PROGRAM,
      args: ['stubborn', readyFile],
      repositoryRoot: REPOSITORY,
      graceMs: 300,
      report: (event) => {
        if (event.event === 'started') pid = event.pid;
      },
    });
    await expect.poll(() => existsSync(readyFile), { timeout: 20_000 }).toBe(true);
    chip.stop({ signal: 'SIGTERM', delivered: false, reason: 'test' });
    chip.stop({ signal: 'SIGTERM', delivered: false, reason: 'test' });
    expect(await chip.ended).toBe(70);
    expect(isAlive(pid)).toBe(false);
  });

  test('a chip stopped while it waits to restart ends at once', async () => {
    const died = Promise.withResolvers<null>();
    const chip = startChipProcess({
      chip: new SimulatedChip({ rootSeed: SEED, instance: 'machine-1', now: () => instant(0) }),
      role: 'enclave',
      entry: PROGRAM,
      args: ['exit-1'],
      repositoryRoot: REPOSITORY,
      restart: { ...DEFAULT_RESTART_LIMITS, firstDelayMs: 60_000 },
      report: ({ event }) => {
        if (event === 'died') died.resolve(null);
      },
    });
    await died.promise;
    chip.stop({ signal: 'SIGTERM', delivered: false, reason: 'test' });
    expect(await chip.ended).toBe(0);
  });

  test('a file that vanished while the chip waited to restart is reported and tried again, then given up', async () => {
    const root = join(folder, 'repository');
    mkdirSync(root);
    for (const name of ['package.json', 'package-lock.json']) writeFileSync(join(root, name), '{}');
    const entry = join(root, 'program.mjs');
    writeFileSync(entry, 'process.exit(1);');
    const events: ChipEvent[] = [];
    const chip = startChipProcess({
      chip: new SimulatedChip({ rootSeed: SEED, instance: 'machine-1', now: () => instant(0) }),
      role: 'enclave',
      entry,
      args: [],
      repositoryRoot: root,
      restart: { ...DEFAULT_RESTART_LIMITS, firstDelayMs: 50, maxQuickDeaths: 3 },
      report: (event) => {
        events.push(event);
        if (event.event === 'died' && event.exitCode === 1) rmSync(entry);
      },
    });
    expect(await chip.ended).toBe(70);
    const failed = { event: 'start-failed', fault: 'ENOENT', file: 'program.mjs' };
    expect(events.filter(({ event }) => event === 'start-failed')).toEqual([failed, failed, failed]);
    expect(events.at(-1)).toEqual({ event: 'gave-up', exitCode: 70 });
  });

  test('quotes at the fixed time that it is given', async () => {
    const chip = new Running(chipArguments('stay', [], 0o600, instant(Date.UTC(2021, 0, 1))));
    const evidence = fromHex(String((await chip.event('ready'))['evidence'])) ?? new Uint8Array();
    const envelope = decodeEvidence(evidence);
    const parsed = envelope.ok ? parseSimulated(envelope.value.bytes) : envelope;
    expect(parsed).toMatchObject({ ok: true, value: { quote: { issuedAt: Date.UTC(2021, 0, 1) } } });
  });

  test('an end that another start would not change is passed on', async () => {
    const chip = new Running(chipArguments('exit-78'));
    expect(await chip.exit).toBe(78);
    expect(chip.text).not.toContain('restartInMs');
  });

  test('ends with its program when its own parent is gone', async () => {
    const starter = new Running([STARTER, QUIET, ...chipArguments('stay')]);
    const { pid } = await starter.event('ready');
    starter.process.kill('SIGKILL');
    await starter.event('stopping');
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  test('a program learns that its chip was killed', async () => {
    const chip = new Running(chipArguments('stay'));
    const { pid } = await chip.event('ready');
    chip.process.kill('SIGKILL');
    expect((await chip.event('chip lost')).pid).toBe(pid);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  test("can be told to lie: wrong measurement, debug on, another machine's id", async () => {
    const lies = [`measurement=${'ab'.repeat(32)}`, 'debug=true', 'instance=machine-2'];
    const chip = new Running(chipArguments('stay', lies));
    const codes = failuresOfLine(await chip.event('ready'));
    expect(codes).toEqual(['E-ATTEST-MEASUREMENT', 'E-ATTEST-DEBUG', 'E-ATTEST-INSTANCE']);
  });

  test('refuses a root seed that others may read, without a word of it', async () => {
    const chip = new Running(chipArguments('stay', [], 0o644));
    expect(await chip.exit).toBe(78);
    expect(chip.text).toContain('E-CONFIG');
    expect(chip.text).toContain('mode 0644');
    expect(chip.pids.size).toBe(0);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killIfAlive(pid: number): void {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
}
