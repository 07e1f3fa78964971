import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** docs/by-hand.md, step for step: nothing but commands, example configurations and real processes. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LAUNCHER = join(ROOT, 'bin', 'consilium.mjs');
const EXAMPLES = join(ROOT, 'examples', 'by-hand');
const STUDY = join(ROOT, 'examples', 'heart-disease', 'study.yaml');
const HOSPITALS = ['harbour', 'lakeside', 'northfield'];
const LAUNCH_MS = 45_000;

interface Ended {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let trial = '';
const running: { readonly name: string; readonly child: ChildProcess; output: string }[] = [];

function consilium(args: readonly string[], folder = trial): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], { cwd: folder }, (_fault, stdout, stderr) => {
      resolve({ exit: child.exitCode, stdout, stderr });
    });
  });
}

/** A command that must succeed; its last line as JSON. */
async function ask(...args: string[]): Promise<Record<string, unknown>> {
  const { exit, stdout, stderr } = await consilium([...args, '--json']);
  if (exit !== 0) throw new Error(`consilium ${args.join(' ')} ended with ${exit ?? 'a signal'}: ${stdout}${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** A terminal of its own. */
function start(...args: string[]): void {
  const child = spawn(process.execPath, [LAUNCHER, ...args], { cwd: trial, stdio: ['ignore', 'pipe', 'pipe'] });
  const program = { name: args.join(' '), child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (program.output += chunk.toString()));
  running.push(program);
}

async function freePorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    await once(server.listen({ host: '127.0.0.1', port: 0 }), 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Keys, certificates, confirmations, data, contract, approvals, configurations. */
async function setUp(): Promise<void> {
  const [words, chip] = await Promise.all([initHospitals(), ask('chip', 'init', '--out', 'chip')]);
  await ask('tls', 'ca', '--out', 'ca');
  const parties = [
    ...HOSPITALS.map((id) => ['site', id]),
    ...['coordinator', 'enclave', 'researcher'].map((x) => [x, x]),
  ];
  await Promise.all([
    ...parties.map(([role = '', id = '']) =>
      ask('tls', 'issue', '--ca', 'ca', '--role', role, '--id', id, '--out', id),
    ),
    ...HOSPITALS.map((id) => confirmOthers(id, words)),
    ask('data', 'generate', '--study', STUDY, '--out', 'data'),
  ]);
  const publics = HOSPITALS.map((id) => `${id}/organisation.json`);
  const machines = HOSPITALS.map((id) => `chip-${id}`);
  await ask(
    ...['contract', 'draft', '--study', STUDY, '--rounds', '2', '--data-class', 'synthetic', '--out', 'contract.cbor'],
    ...['--org', ...publics, '--enclave-instance', 'chip-enclave', '--site-instance', ...machines],
  );
  await Promise.all(HOSPITALS.map(approve));
  await configure(String(chip['root']));
}

async function initHospitals(): Promise<Map<string, string>> {
  const made = HOSPITALS.map((id) => ask('org', 'init', '--id', id, '--name', `${id} hospital`, '--out', id));
  return new Map((await Promise.all(made)).map(({ id, words }) => [String(id), String(words)]));
}

async function confirmOthers(id: string, words: ReadonlyMap<string, string>): Promise<void> {
  for (const other of HOSPITALS.filter((hospital) => hospital !== id)) {
    const heard = words.get(other)?.toUpperCase() ?? '';
    await ask('org', 'confirm', `${other}/organisation.json`, '--overlay', `${id}/overlay.yaml`, '--words', heard);
  }
}

const approve = (id: string): Promise<object> =>
  ask(
    'contract',
    'approve',
    'contract.cbor',
    '--org-key',
    `${id}/organisation.key`,
    '--as',
    id,
    '--out',
    `${id}/approval.cbor`,
  );

/** The shipped examples with this trial's ports, root and names. */
async function configure(root: string): Promise<void> {
  const [coordinatorPort = 0, enclavePort = 0] = await freePorts();
  const write = async (example: string, name: string): Promise<void> => {
    const text = await readFile(join(EXAMPLES, example), 'utf8');
    const filled = text
      .replaceAll('7443', String(coordinatorPort))
      .replaceAll('7444', String(enclavePort))
      .replace('0'.repeat(64), root)
      .replaceAll('harbour', name);
    await writeFile(join(trial, name, example), filled);
  };
  for (const program of ['coordinator', 'enclave', 'researcher']) await write(`${program}.yaml`, program);
  for (const id of HOSPITALS) await write('site.yaml', id);
}

async function launch(): Promise<void> {
  const until = performance.now() + LAUNCH_MS;
  for (;;) {
    const launched = await consilium(['study', 'launch', '--config', 'researcher/researcher.yaml']);
    if (launched.exit === 0) return;
    // Not up yet (75), or not every approval is there (77): a person would press the up arrow.
    if (performance.now() > until || ![75, 77].includes(launched.exit ?? -1))
      throw new Error(`${launched.stderr}\n${running.map(({ name, output }) => `${name}: ${output}`).join('\n')}`);
  }
}

const bundleOf = (id: string): string => `${id}/received/round-0002.passport.cbor`;
const verify = (bundle: string, ...more: string[]): Promise<Ended> => {
  const given = more.includes('--org-keys') ? [] : ['--org-keys', 'harbour/overlay.yaml'];
  const roots = more.includes('--roots') ? [] : ['--roots', 'chip/roots.json'];
  return consilium(['verify', 'model', bundle, ...given, ...roots, ...more]);
};

beforeAll(async () => {
  trial = await mkdtemp(join(tmpdir(), 'consilium-by-hand-'));
  await setUp();
  start('enclave', '--config', 'enclave/enclave.yaml');
  start('coordinator', '--config', 'coordinator/coordinator.yaml');
  for (const id of HOSPITALS) start('site', '--config', `${id}/site.yaml`);
  await launch();
}, 150_000);

afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await rm(trial, { recursive: true, force: true });
});

describe('a study of three hospitals in separate terminals', () => {
  test('runs its rounds, which a researcher can follow', async () => {
    const watched = await consilium(['study', 'watch', '--config', 'researcher/researcher.yaml', '--json']);
    const events = watched.stdout.trimEnd().split('\n');
    expect(watched.exit, `${watched.stdout}${watched.stderr}`).toBe(0);
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'ended', outcome: 'finished' });
    expect(events.filter((line) => line.includes('"type":"released"'))).toHaveLength(2);
    const status = await ask('study', 'status', '--config', 'researcher/researcher.yaml');
    expect(status).toMatchObject({ phase: 'finished', round: 2, rounds: 2 });
    for (const site of status['sites'] as { lastSeen: unknown }[]) expect(site.lastSeen).toBeTypeOf('number');
  });

  test('gives every hospital the same model, which every hospital can verify offline with the keys it confirmed', async () => {
    const verified = await Promise.all(
      HOSPITALS.map(async (id) => {
        await expect.poll(() => readdir(join(trial, id, 'received')), { timeout: 20_000 }).toHaveLength(4);
        return ask('verify', 'model', bundleOf(id), '--org-keys', `${id}/overlay.yaml`, '--roots', 'chip/roots.json');
      }),
    );
    for (const report of verified)
      expect(report).toMatchObject({ passed: true, simulated: true, weightsChecked: true, round: 2, cohortSize: 3 });
    expect(new Set(verified.map(({ model }) => model)).size).toBe(1);
    expect((await verify(bundleOf('harbour'))).stdout).toContain('SIMULATED attestation: it protects nothing');
  });

  test('every secret is readable by its owner only', async () => {
    const secrets = [
      'chip/chip-root.seed',
      'ca/ca.key',
      ...HOSPITALS.flatMap((id) => [`${id}/organisation.key`, `${id}/tls.key`]),
    ];
    for (const path of secrets) expect((await stat(join(trial, path))).mode & 0o777, path).toBe(0o600);
  });

  test("the model predicts on a hospital's own file", async () => {
    const predicted = await ask(
      'predict',
      '--model',
      'lakeside/received/round-0002.model.cbor',
      '--data',
      'data/processed.lakeside.data',
    );
    expect(predicted).toMatchObject({ type: 'predicted', rows: 140, round: 2 });
    const left = predicted['dropped'] as number[];
    expect(Number(predicted['predicted']) + left.length).toBe(140);
  });
});

test('a hospital withdraws, and the coordinator no longer counts its approval', async () => {
  const key = 'northfield/organisation.key';
  const config = 'northfield/site.yaml';
  const sent = ask('contract', 'withdraw', 'contract.cbor', '--org-key', key, '--as', 'northfield', '--config', config);
  expect(await sent).toMatchObject({ organisation: 'northfield', sent: true });
  const { sites } = await ask('study', 'status', '--config', 'researcher/researcher.yaml');
  expect(sites).toContainEqual(expect.objectContaining({ organisation: 'northfield', approved: false }));
});

describe('PROTOCOL §7.7: verification of the real bundle refuses', () => {
  const refused = (ended: Ended, check: string): void => {
    expect(ended.exit, ended.stdout).toBe(41);
    expect(ended.stdout).toMatch(new RegExp(`^${check}.*FAILED`, 'm'));
    expect(ended.stdout).toContain('NOT VERIFIED');
    expect(ended.stderr).toContain('E-PASSPORT-INVALID');
  };

  test('another root', async () => {
    await ask('chip', 'init', '--out', 'other-chip');
    refused(await verify(bundleOf('harbour'), '--roots', 'other-chip/roots.json'), 'enclave evidence');
  });

  test('keys that are not the hospitals’', async () => {
    await Promise.all(HOSPITALS.map((id) => ask('org', 'init', '--id', id, '--name', id, '--out', `other/${id}`)));
    const keys = HOSPITALS.map((id) => `other/${id}/organisation.json`);
    refused(await verify(bundleOf('harbour'), '--org-keys', ...keys), 'approvals by confirmed hospitals');
  });

  test('fewer confirmed hospitals than the smallest cohort', async () => {
    const keys = HOSPITALS.slice(1).map((id) => `${id}/organisation.json`);
    refused(await verify(bundleOf('harbour'), '--org-keys', ...keys), 'approvals by confirmed hospitals');
  });

  test('an altered bundle', async () => {
    const bytes = await readFile(join(trial, bundleOf('harbour')));
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await cp(join(trial, 'harbour/received/round-0002.model.cbor'), join(trial, 'altered.model.cbor'));
    await writeFile(join(trial, 'altered.passport.cbor'), bytes);
    const ended = await verify('altered.passport.cbor');
    expect(ended.exit, ended.stdout).toBe(41);
  });

  test('the model of another round', async () => {
    const model = 'harbour/received/round-0001.model.cbor';
    refused(await verify(bundleOf('harbour'), '--model', model), 'weights of the passport');
  });
});

test('Ctrl-C ends every program cleanly', async () => {
  const ended = running.map(async ({ name, child }) => {
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await once(child, 'exit');
    }
    return [name, child.exitCode];
  });
  expect(await Promise.all(ended)).toEqual(running.map(({ name }) => [name, 0]));
});

test('what simulate leaves behind verifies with the command that its report prints', async () => {
  const out = join(trial, 'simulated');
  const simulated = await consilium(['simulate', '--rounds', '1', '--out', out, '--json']);
  expect(simulated.exit, simulated.stdout).toBe(0);
  const report = await readFile(join(out, 'report.html'), 'utf8');
  const line = /<code>consilium (verify model [^<]+)<\/code>/.exec(report)?.[1] ?? '';
  const verified = await consilium(line.split(' '), out);
  expect(verified.exit, `${line}: ${verified.stdout}${verified.stderr}`).toBe(0);
  expect(verified.stdout).toMatch(/^weights of the passport +passed/m);
}, 120_000);
