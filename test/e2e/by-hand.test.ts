import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Trial, TRIAL_HOSPITALS as HOSPITALS, type Ended } from '../support/e2e-trial.ts';

/** docs/by-hand.md, step for step: nothing but commands, example configurations and real processes. */

let trial: Trial;
const ask: Trial['ask'] = (...args) => trial.ask(...args);

const bundleOf = (id: string): string => `${id}/received/round-0002.passport.cbor`;
const verify = (bundle: string, ...more: string[]): Promise<Ended> => {
  const given = more.includes('--org-keys') ? [] : ['--org-keys', 'harbour/overlay.yaml'];
  const roots = more.includes('--roots') ? [] : ['--roots', 'chip/roots.json'];
  return trial.consilium(['verify', 'model', bundle, ...given, ...roots, ...more]);
};

beforeAll(async () => {
  trial = await Trial.make('by-hand');
  await trial.setUp(2);
  trial.startAll();
  await trial.launch();
}, 150_000);

afterAll(async () => {
  await trial.remove();
});

describe('a study of three hospitals in separate terminals', () => {
  test('runs its rounds, which a researcher can follow', async () => {
    const events = await trial.watch();
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'ended', outcome: 'finished' });
    expect(events.filter((line) => line.includes('"type":"released"'))).toHaveLength(2);
    const status = await ask('study', 'status', '--config', 'researcher/researcher.yaml');
    expect(status).toMatchObject({ phase: 'finished', round: 2, rounds: 2 });
    for (const site of status['sites'] as { lastSeen: unknown }[]) expect(site.lastSeen).toBeTypeOf('number');
  });

  test('gives every hospital the same model, which every hospital can verify offline with the keys it confirmed', async () => {
    const verified = await Promise.all(
      HOSPITALS.map(async (id) => {
        await expect.poll(() => readdir(trial.path(id, 'received')), { timeout: 20_000 }).toHaveLength(4);
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
    for (const path of secrets) expect((await stat(trial.path(path))).mode & 0o777, path).toBe(0o600);
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
    const bytes = await readFile(trial.path(bundleOf('harbour')));
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await cp(trial.path('harbour/received/round-0002.model.cbor'), trial.path('altered.model.cbor'));
    await writeFile(trial.path('altered.passport.cbor'), bytes);
    const ended = await verify('altered.passport.cbor');
    expect(ended.exit, ended.stdout).toBe(41);
  });

  test('the model of another round', async () => {
    const model = 'harbour/received/round-0001.model.cbor';
    refused(await verify(bundleOf('harbour'), '--model', model), 'weights of the passport');
  });
});

test('Ctrl-C ends every program cleanly', async () => {
  const names = trial.terminals.map(({ name }) => name);
  expect(await trial.stopAll()).toEqual(names.map((name) => [name, 0]));
});

test('what simulate leaves behind verifies with the command that its report prints', async () => {
  const out = trial.path('simulated');
  const simulated = await trial.consilium(['simulate', '--rounds', '1', '--out', out, '--json']);
  expect(simulated.exit, simulated.stdout).toBe(0);
  const report = await readFile(`${out}/report.html`, 'utf8');
  const line = /<code>consilium (verify model [^<]+)<\/code>/.exec(report)?.[1] ?? '';
  const verified = await trial.consilium(line.split(' '), out);
  expect(verified.exit, `${line}: ${verified.stdout}${verified.stderr}`).toBe(0);
  expect(verified.stdout).toMatch(/^weights of the passport +passed/m);
}, 120_000);
