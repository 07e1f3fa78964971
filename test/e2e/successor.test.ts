import { readdir, readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { openStatementAs, type Manifest } from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { Trial, TRIAL_HOSPITALS as HOSPITALS, type Terminal } from '../support/e2e-trial.ts';
import { must } from '../support/study-in-memory.ts';

/** PROTOCOL §7.8: the enclave's disk is gone; the study goes on by a successor contract, as docs/by-hand.md §10 says. */

let trial: Trial;
let lastModel = '';
let successor: Record<string, unknown> = {};

const received = (id: string, ...folder: string[]): Promise<string[]> =>
  readdir(trial.path(id, 'received', ...folder)).then((names) => names.filter((name) => name.endsWith('.cbor')).sort());
const verify = (id: string, passport: string): Promise<Record<string, unknown>> =>
  trial.ask('verify', 'model', passport, '--org-keys', `${id}/overlay.yaml`, '--roots', 'chip/roots.json');
const siteTerminals = (): Terminal[] => trial.terminals.filter(({ name }) => name.startsWith('site'));
const says = (terminal: Terminal, text: string): Promise<void> =>
  expect.poll(() => terminal.output, { timeout: 60_000, interval: 200 }).toContain(text);

beforeAll(async () => {
  trial = await Trial.make('successor');
  await trial.setUp(4);
  trial.startAll();
  await trial.launch('--rounds', '2');
  await trial.watch();
  await vi.waitFor(
    async () => {
      for (const id of HOSPITALS) expect(await received(id)).toHaveLength(4);
    },
    { timeout: 60_000, interval: 200 },
  );
  await trial.stopAll();
  lastModel = String((await verify('harbour', 'harbour/received/round-0002.passport.cbor'))['model']);
  for (const suffix of ['', '-wal', '-shm'])
    await rm(trial.path('enclave', `enclave.sqlite${suffix}`), { force: true });
}, 300_000);

afterAll(async () => {
  await trial.remove();
});

test('an enclave that begins the same contract anew is refused by every hospital, and nothing is released', async () => {
  trial.startAll();
  for (const terminal of siteTerminals()) await says(terminal, 'E-HEAD-UNPROVEN');
  for (const id of HOSPITALS) expect(await received(id)).toHaveLength(4);
  await trial.stopAll();
}, 120_000);

describe('a successor contract', () => {
  test('is drafted from the newest passport, and approved anew by every hospital', async () => {
    const passport = 'lakeside/received/round-0002.passport.cbor';
    const from = ['--previous', 'contract.cbor', '--passport', passport, '--roots', 'chip/roots.json'];
    successor = await trial.ask('contract', 'successor', ...from, '--out', 'contract-2.cbor');
    expect(successor).toMatchObject({ afterRound: 2, model: lastModel, beginsAnew: false, rounds: 2 });
    for (const id of HOSPITALS) {
      const approved = await trial.approve(id, 'contract-2.cbor', 'approval-2.cbor');
      expect(approved).toMatchObject({ succeeds: successor['succeeds'], afterRound: 2 });
    }
    const shown = await trial.consilium(['contract', 'show', 'contract-2.cbor']);
    expect(shown.stdout.replaceAll(/\s+/g, ' ')).toContain('Approvals of that contract do not count here');
  });

  test('runs the rounds that were left, with every program started under it', async () => {
    await trial.edit('enclave/enclave.yaml', ['enclave.sqlite', 'enclave-2.sqlite']);
    await trial.edit('coordinator/coordinator.yaml', [
      'contract: ../contract.cbor',
      'contract: ../contract-2.cbor\npredecessor: ../lakeside/received/round-0002.passport.cbor',
    ]);
    for (const id of HOSPITALS)
      await trial.edit(
        `${id}/site.yaml`,
        ['../contract.cbor', '../contract-2.cbor'],
        ['approval.cbor', 'approval-2.cbor'],
      );
    // One hospital has lost its disk as well; another one gives it the model.
    for (const suffix of ['', '-wal', '-shm'])
      await rm(trial.path('northfield', `site.sqlite${suffix}`), { force: true });
    await trial.edit('northfield/site.yaml', [
      'store: site.sqlite',
      'store: site.sqlite\nstartingModel: ../lakeside/received/round-0002.model.cbor',
    ]);
    trial.startAll();
    await trial.launch();
    const events = await trial.watch();
    expect(events.filter((line) => line.includes('"type":"released"'))).toHaveLength(2);
  }, 180_000);

  test('goes on from the model that was released last, and its passports verify', async () => {
    const folder = `contract-${String(successor['contract']).slice(0, 16)}`;
    const names = ['round-0001', 'round-0002'].flatMap((name) => [`${name}.model.cbor`, `${name}.passport.cbor`]);
    for (const id of HOSPITALS) await expect.poll(() => received(id, folder), { timeout: 60_000 }).toEqual(names);
    const reports = await Promise.all(
      HOSPITALS.map((id) => verify(id, `${id}/received/${folder}/round-0002.passport.cbor`)),
    );
    for (const report of reports) expect(report).toMatchObject({ passed: true, weightsChecked: true, round: 2 });
    expect(new Set(reports.map(({ model }) => model)).size).toBe(1);
    const bytes = new Uint8Array(await readFile(trial.path('harbour', 'received', folder, 'round-0001.passport.cbor')));
    const { manifest } = must(decodeBundle(bytes));
    const { parent }: Manifest = must(openStatementAs(manifest, 'manifest', 'E-INTERNAL')).statement;
    expect(toHex(parent)).toBe(lastModel);
    // What was received before lies where it lay.
    expect(await received('harbour')).toHaveLength(4);
  }, 120_000);

  test('ends the contract before at every hospital that went on', async () => {
    await trial.stopAll();
    await trial.edit(
      'harbour/site.yaml',
      ['../contract-2.cbor', '../contract.cbor'],
      ['approval-2.cbor', 'approval.cbor'],
    );
    const refused = await trial.consilium(['site', '--config', 'harbour/site.yaml']);
    expect(refused.exit).toBe(77);
    expect(refused.stderr + refused.stdout).toContain('E-CONTRACT-SUPERSEDED');
  }, 60_000);

  test('is refused by a hospital that knows a newer release', async () => {
    const from = ['--previous', 'contract.cbor', '--passport', 'lakeside/received/round-0001.passport.cbor'];
    await trial.ask('contract', 'successor', ...from, '--roots', 'chip/roots.json', '--out', 'contract-3.cbor');
    await trial.approve('lakeside', 'contract-3.cbor', 'approval-3.cbor');
    await trial.edit(
      'lakeside/site.yaml',
      ['contract-2.cbor', 'contract-3.cbor'],
      ['approval-2.cbor', 'approval-3.cbor'],
    );
    const refused = await trial.consilium(['site', '--config', 'lakeside/site.yaml']);
    expect(refused.exit).toBe(77);
    expect(refused.stderr + refused.stdout).toContain('E-PARENT-REUSED');
  }, 60_000);
});
