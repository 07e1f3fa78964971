import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STUDY, Trial, TRIAL_HOSPITALS as HOSPITALS } from '../support/e2e-trial.ts';

/** docs/privacy.md, "What a hospital allows", with nothing but commands and real processes. */

const EPSILON = 1.7;
const DELTA = 0.00001;
/** More than one of the two rounds costs, less than both. */
const BUDGET = 1.5;
const [LIMITED = '', ...OTHERS] = HOSPITALS;
const LEDGER = 'privacy-ledger.sqlite';
let trial: Trial;

interface Account {
  readonly spent: number;
  readonly left: number | null;
  readonly contracts: readonly { readonly rounds: readonly number[]; readonly approved: number }[];
}
const accountsOf = async (id: string): Promise<readonly Account[]> => {
  const { accounts } = await trial.ask('privacy', 'ledger', '--config', `${id}/site.yaml`);
  return accounts as Account[];
};

/** Waits for a hospital that stays out as long as a test can. */
async function impatientStudy(): Promise<string> {
  const shipped = await readFile(STUDY, 'utf8');
  const deadlines = 'deadlines: { commitMs: 10000, uploadMs: 60000, acknowledgeMs: 60000 }';
  await writeFile(trial.path('study.yaml'), shipped.replace(/^deadlines: .*$/m, deadlines));
  return 'study.yaml';
}

beforeAll(async () => {
  trial = await Trial.make('privacy-budget');
  const records = HOSPITALS.flatMap((id) => ['--records', `${id}=150`]);
  const noise = ['--noise', 'enclave', '--epsilon', String(EPSILON), '--delta', String(DELTA), '--k-min', '2'];
  await trial.setUp(2, ...noise, ...records, '--study', await impatientStudy());
  await appendFile(
    trial.path(LIMITED, 'overlay.yaml'),
    `privacy: { dataset: heart, budget: { epsilon: ${BUDGET}, delta: ${DELTA} } }\n`,
  );
  await appendFile(trial.path(LIMITED, 'site.yaml'), `\nledger: ${LEDGER}\n`);
  trial.startAll();
  await trial.launch();
}, 150_000);

afterAll(async () => {
  await trial.remove();
});

describe('a hospital whose budget covers one of two rounds', () => {
  test('stays out of the second, gets its model, and can show what it spent and sent while its agent runs', async () => {
    const events = await trial.watch();
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'ended', outcome: 'finished' });
    const [account, ...none] = await accountsOf(LIMITED);
    expect(none).toEqual([]);
    expect(account).toMatchObject({
      ...{ dataset: 'heart', delta: DELTA, budget: BUDGET },
      contracts: [{ rounds: [1], approved: EPSILON }],
    });
    expect(account?.spent).toBeGreaterThan(0);
    expect(account?.left).toBeCloseTo(BUDGET - (account?.spent ?? 0), 12);
    const { contracts } = await trial.ask('site', 'sent', '--config', `${LIMITED}/site.yaml`);
    const [under] = contracts as { sent: { what: string; round: number }[] }[];
    expect(under?.sent.map(({ what, round }) => `${what} ${round}`)).toEqual([
      'commit 1',
      'update 1',
      'acknowledgement 1',
    ]);
    const agent = trial.terminals.find(({ name }) => name.includes(`${LIMITED}/site.yaml`));
    expect(agent?.output).toContain('"E-BUDGET-SPENT"');
    await expect.poll(() => agent?.output.match(/"model\.received"/g)?.length, { timeout: 20_000 }).toBe(2);
  }, 120_000);

  test('the others paid for both', async () => {
    for (const id of OTHERS) {
      const [account] = await accountsOf(id);
      expect(account?.contracts).toMatchObject([{ rounds: [1, 2], approved: EPSILON }]);
      expect(account?.spent).toBeLessThanOrEqual(EPSILON);
      expect(account?.spent).toBeGreaterThan(BUDGET);
    }
  }, 60_000);
});
