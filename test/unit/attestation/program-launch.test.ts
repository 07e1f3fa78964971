// Whoever types the command must not decide what runs under the measurement: flags, variables and folders of modules
// that reach the chip are planted, and shown not to reach the attested program.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROGRAM_NODE_FLAGS, programEnvironment } from '../../../lib/attestation/measure/program-launch.ts';
import { chipCommandLine } from '../../../lib/attestation/simulated/chip-arguments.ts';

const PROGRAM = fileURLToPath(new URL('./programs/attesting-program.ts', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'launch-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Surroundings {
  readonly event: string;
  readonly flags: readonly string[];
  readonly variables: readonly string[];
  readonly fromHome: string;
  readonly evil: boolean;
}

/** Starts a chip with these flags and variables; gives what its program sees of them. */
async function surroundings(flags: readonly string[], variables: NodeJS.ProcessEnv): Promise<Surroundings> {
  const rootSeedFile = join(folder, 'root.seed');
  writeFileSync(rootSeedFile, new Uint8Array(32).fill(1), { mode: 0o600 });
  const args = chipCommandLine({
    rootSeedFile,
    instance: 'machine-1',
    role: 'enclave',
    entry: PROGRAM,
    repositoryRoot: REPOSITORY,
    lies: [],
    programArguments: ['surroundings'],
  });
  const chip = spawn(process.execPath, [...flags, ...args], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(await text(chip.stdout)) as Surroundings;
}

describe('an attested program', () => {
  test('does not load what NODE_OPTIONS or a flag imports into the chip', async () => {
    const evil = join(folder, 'evil.mjs');
    const loaded = join(folder, 'loaded');
    writeFileSync(
      evil,
      `import { appendFileSync } from 'node:fs';
       globalThis.evil = true;
       appendFileSync(${JSON.stringify(loaded)}, process.argv[1] + '\\n');`,
    );
    const plant = `--import=${pathToFileURL(evil).href}`;
    for (const said of [await surroundings([], { NODE_OPTIONS: plant }), await surroundings([plant], {})]) {
      expect(said).toMatchObject({ event: 'surroundings', evil: false, flags: PROGRAM_NODE_FLAGS });
    }
    const victims = readFileSync(loaded, 'utf8').trim().split('\n');
    expect(victims).toHaveLength(2);
    for (const victim of victims) expect(victim).toMatch(/chip-main\.ts$/);
  });

  test('sees only the allowed variables, and leaves no coverage of itself', async () => {
    const coverage = join(folder, 'coverage');
    const said = await surroundings([], {
      NODE_V8_COVERAGE: coverage,
      NODE_COMPILE_CACHE: join(folder, 'cache'),
      NODE_PATH: folder,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
      OPENSSL_CONF: join(folder, 'openssl.cnf'),
      SSL_CERT_FILE: join(folder, 'ca.pem'),
      LD_LIBRARY_PATH: folder,
      GRPC_TRACE: 'all',
      https_proxy: 'http://127.0.0.1:9',
      CONSILIUM_DEBUG: '1',
      TZ: 'UTC',
    });
    const allowed = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'CONSILIUM_DEBUG'];
    const ofThePlatform = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'];
    expect(said.variables).toEqual(expect.arrayContaining(['TZ', 'CONSILIUM_DEBUG']));
    expect(said.variables.filter((name) => ![...allowed, ...ofThePlatform].includes(name))).toEqual([]);
    // The chip itself writes one file; a second one would be the program's.
    const written = existsSync(coverage) ? readdirSync(coverage) : [];
    expect(written).toHaveLength(1);
  });

  test('finds no module in the home folder', async () => {
    const planted = join(folder, '.node_modules', 'planted-in-home');
    mkdirSync(planted, { recursive: true });
    writeFileSync(join(planted, 'index.js'), "module.exports = 'evil';");
    expect((await surroundings([], { HOME: folder })).fromHome).toBe('nothing');
  });
});

test('an environment passes on what is set and allowed', () => {
  const passed = programEnvironment({ PATH: '/bin', NODE_OPTIONS: '--inspect', LD_PRELOAD: 'x.so', lang: 'C' });
  expect(passed).toEqual({ PATH: '/bin', NODE_V8_COVERAGE: undefined });
  expect('NODE_V8_COVERAGE' in passed).toBe(true);
});
