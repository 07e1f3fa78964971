import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { privacyCommand } from '../../../../cli/commands/privacy.ts';
import { siteCommand } from '../../../../cli/commands/programs.ts';
import { signWithdrawal } from '../../../../lib/contract/approval.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { organisationId } from '../../../../lib/core/ids.ts';
import { epsilonAfter, mechanismOf } from '../../../../lib/privacy/mechanism.ts';
import { openSqliteStore } from '../../../../lib/store/sqlite.ts';
import { createMemoryDisk, type MemoryDisk } from '../../../../lib/store/memory.ts';
import { noisyContract } from '../../../support/noisy-contract.ts';
import { collectUpdates, copyOf, runRound, until } from '../../../support/round-in-process.ts';
import { StudyInProcess, type SiteInProcess } from '../../../support/study-in-process.ts';
import { must } from '../../../support/study-in-memory.ts';
import { organisationSigner, START, testContract } from '../../../support/test-contract.ts';
import { hospitalFiles } from './hospital-store.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const ID = organisationId('birch');
const path = testFolder();
const sealed = noisyContract('enclave');
const mechanism = mechanismOf(sealed.contract);
if (mechanism === null) throw new Error('noise');
const { delta } = mechanism.plan;
const BUDGET = 4;
const overlay = `privacy: { budget: { epsilon: ${BUDGET}, delta: ${delta} } }\n`;
const CONTRACT = toHex(sealed.digest);

let study: StudyInProcess;
let disk: MemoryDisk;
let site: SiteInProcess;
/** Digest of the first two updates. */
const commitments = (): string[] => [...site.agent.state.spent.values()].map(toHex);

beforeAll(async () => {
  study = await StudyInProcess.start(sealed);
  study.connect();
  await runRound(study, { round: 1 });
  await collectUpdates(study, { round: 2 });
  const found = study.sites.find(({ id }) => id === ID);
  if (found === undefined) throw new Error('no such site');
  site = found;
  const fields = { contract: sealed.digest, organisation: ID, at: START };
  await site.agent.withdraw(signWithdrawal(fields, organisationSigner(ID)));
  disk = copyOf(site.disk);
});
afterAll(() => {
  study.stop();
});

const hospital = (name: string, change: Partial<Parameters<typeof hospitalFiles>[2]> = {}): Promise<string> =>
  hospitalFiles(path, name, { organisation: ID, sealed, disk, overlay, ...change });
const ledger = (config: string, ...more: string[]): Promise<Ran> =>
  runCommand(privacyCommand, 'privacy', 'ledger', '--config', config, ...more);
const sent = (config: string, ...more: string[]): Promise<Ran> =>
  runCommand(siteCommand, 'site', 'sent', '--config', config, ...more);

describe('consilium privacy ledger', () => {
  test('tells what is spent and left, by contract and round, to programs', async () => {
    const { exit, json } = await ledger(await hospital('whole'), '--json');
    expect(exit).toBe(0);
    const [one, two] = [epsilonAfter(mechanism, 1), epsilonAfter(mechanism, 2)];
    const { samplingRate, noiseMultiplier } = mechanism.plan;
    expect(json()).toEqual({
      type: 'privacy-ledger',
      organisation: 'birch',
      accounts: [
        {
          ...{ dataset: 'heart.csv', unit: 'record', delta, spent: two, budget: BUDGET, left: BUDGET - two },
          contracts: [
            {
              ...{ study: 'test-study', contract: CONTRACT, rounds: [1, 2], epsilon: two, approved: 2.5 },
              mechanism: { placement: 'enclave', samplingRate, noiseMultiplier, count: 1 },
            },
          ],
          burnDown: [
            { study: 'test-study', round: 1, at: START, spent: one, left: BUDGET - one },
            { study: 'test-study', round: 2, at: START, spent: two, left: BUDGET - two },
          ],
        },
      ],
    });
  });

  test('tells it to people, with what it means', async () => {
    const { stdout } = await ledger(await hospital('words'));
    const two = epsilonAfter(mechanism, 2);
    expect(stdout).toContain('heart.csv, unit: record');
    expect(stdout).toContain(`spent   ε ${(Math.ceil(two * 1000) / 1000).toFixed(3)} at δ ${delta}`);
    expect(stdout).toContain(
      `budget  ${BUDGET}, of which ${(Math.floor((BUDGET - two) * 1000) / 1000).toFixed(3)} is left`,
    );
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('In words: somebody who sees every released model');
    expect(stdout).toMatch(new RegExp(`^test-study +${CONTRACT.slice(0, 16)} +1–2 +enclave +\\d\\.\\d+ +2\\.5$`, 'm'));
    expect(stdout).toMatch(/^ {2}2026-11-02 {2}#+\.+ {2}ε \d\.\d{3} {2}\d\.\d{3} left {2}test-study, round 2$/m);
  });

  test('without a budget says which limit binds; without entries, that nothing is counted', async () => {
    const bare = await ledger(await hospital('bare', { overlay: '' }));
    expect(bare.stdout).toContain('only the approval of each contract binds');
    const [account] = (await ledger(path('bare.yaml'), '--json')).json()['accounts'] as Record<string, unknown>[];
    expect(account).toMatchObject({ delta, budget: null, left: null });
    const quiet = { sealed: testContract(), disk: createMemoryDisk(), overlay: '' };
    expect((await ledger(await hospital('quiet', quiet))).stdout).toContain(
      'Nothing is in the privacy ledger of birch',
    );
    const waiting = await ledger(await hospital('waiting', { disk: createMemoryDisk() }), '--json');
    expect(waiting.json()['accounts']).toMatchObject([{ dataset: 'heart.csv', spent: 0, left: BUDGET, contracts: [] }]);
  });

  test('the budget is that of the dataset it names, and of no other', async () => {
    const elsewhere = `privacy: { dataset: lungs, budget: { epsilon: ${BUDGET}, delta: ${delta} } }\n`;
    const { json } = await ledger(await hospital('elsewhere', { overlay: elsewhere }), '--json');
    expect(json()['accounts']).toMatchObject([
      { dataset: 'heart.csv', budget: null },
      { dataset: 'lungs', budget: BUDGET, spent: 0 },
    ]);
  });

  test('works beside an agent that holds the store', async () => {
    const config = await hospital('busy');
    const agent = must(await openSqliteStore(path('busy.sqlite')));
    expect((await ledger(config, '--json')).exit).toBe(0);
    await agent.close();
  });

  test('a ledger with an entry taken out is refused, and makes no store where there is none', async () => {
    const torn = copyOf(disk);
    torn.streams.set('privacy-ledger', (torn.streams.get('privacy-ledger') ?? []).slice(1));
    const ran = await ledger(await hospital('torn', { disk: torn }));
    expect(ran.exit).toBe(74);
    expect(ran.stderr).toContain('E-STORE-DAMAGED');
    expect(ran.stderr).toContain('privacy ledger: entry 1 does not follow the one before it');
    expect((await ledger(await hospital('none', { disk: null }))).stderr).toContain('E-STORE-PATH');
    expect(existsSync(path('none.sqlite'))).toBe(false);
  });
});

describe('consilium site sent', () => {
  test('lists every message with what it says, and never a coordinate', async () => {
    const { exit, json } = await sent(await hospital('sent'), '--json');
    expect(exit).toBe(0);
    const { contracts, ...rest } = json() as { contracts: { sent: Record<string, unknown>[] }[] };
    expect(rest).toEqual({ type: 'sent', organisation: 'birch' });
    const [under, ...none] = contracts;
    expect(none).toEqual([]);
    const { grid } = sealed.contract;
    expect(under).toMatchObject({
      ...{ study: 'test-study', contract: CONTRACT, noise: 'enclave' },
      normBound: grid.l2Bound * 2 ** grid.stepLog2,
    });
    const [first, second] = commitments();
    // Three numbers of four bytes behind a head of 16.
    const update = { what: 'update', attempt: 1, bytes: 28 };
    expect(under?.sent).toMatchObject([
      { what: 'commit', round: 1, attempt: 1, at: START, minimum: 3, requireCoParticipants: [] },
      { ...update, round: 1, commitment: first, weight: null, trainLoss: null },
      { what: 'acknowledgement', round: 1, attempt: 1, at: START },
      { what: 'commit', round: 2, attempt: 1 },
      { ...update, round: 2, commitment: second, weight: 1, trainLoss: 0 },
      { what: 'withdrawal' },
    ]);
    expect(Object.keys(under?.sent[4] ?? {}).sort()).toEqual(
      ['attempt', 'bytes', 'commitment', 'round', 'trainLoss', 'weight', 'what'].sort(),
    );
  });

  test('tells it to people', async () => {
    const { stdout } = await sent(await hospital('told'));
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('sums of clipped gradients, to which the enclave adds noise');
    expect(stdout).toMatch(/^ +1 +1 +commit +\d+ {2}takes part with at least 3 hospitals$/m);
    expect(stdout).toMatch(/^ +1 +1 +update +28 {2}payload erased, commitment [0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^ +2 +1 +update +28 {2}weight 1, training loss 0, commitment [0-9a-f]{64}$/m);
    expect(stdout).toContain('Beside these leave, and are not in this log');
    const idle = await sent(await hospital('idle', { disk: createMemoryDisk() }));
    expect(idle.stdout).toBe('birch has begun no contract on this store.\n');
  });

  test('a payload that is not the announced one says nothing', async () => {
    const bent = copyOf(disk);
    for (const [key, bytes] of bent.blobs) if (key.startsWith('update/')) bent.blobs.set(key, bytes.with(40, 99));
    const { json } = await sent(await hospital('bent', { disk: bent }), '--json');
    const [under] = json()['contracts'] as { sent: Record<string, unknown>[] }[];
    expect(under?.sent[4]).toMatchObject({ what: 'update', weight: null, trainLoss: null });
  });

  test('an update that only a statement remembers is listed as such', async () => {
    const fresh = await study.restartSite(organisationId('cedar'), createMemoryDisk());
    study.connect([fresh]);
    await until(() => fresh.agent.state.model.round === 1);
    const config = await hospital('forgotten', { organisation: 'cedar', disk: fresh.disk });
    const [under] = (await sent(config, '--json')).json()['contracts'] as { sent: Record<string, unknown>[] }[];
    const spent = [...fresh.agent.state.spent.values()].map(toHex);
    expect(under?.sent).toEqual([{ what: 'forgotten update', commitment: spent[0] }]);
    expect((await sent(config)).stdout).toContain('not remembered, told by a statement');
  });
});
