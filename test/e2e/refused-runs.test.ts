import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { spoilHospitals, writeCanaryHospitals } from '../support/e2e-canaries.ts';
import { repositoryRoot, workshop, type Line } from '../support/e2e-simulate.ts';

const { path, simulate } = workshop();
const shipped = join(repositoryRoot, 'examples', 'heart-disease', 'study.yaml');

/** Refused before anything happened: no process was started, and nothing is left. */
async function refusalOf(name: string, args: readonly string[]): Promise<Line & { refusals: { detail: string }[] }> {
  const run = simulate(name, args);
  const { code } = await run.ended;
  const error = run.lines.at(-1);
  if (error?.['type'] !== 'error') throw new Error(run.story());
  expect(code).toBe(error['exit']);
  expect(run.lines.some(({ type }) => type === 'process')).toBe(false);
  expect(run.stderr).toBe('');
  return error as Line & { refusals: { detail: string }[] };
}

describe('simulate refuses', () => {
  it.concurrent('another number of hospitals than there are, unless they are divided', async () => {
    expect(await refusalOf('three', ['--sites', '3'])).toMatchObject({
      code: 'E-USAGE',
      got: '--sites 3',
      want: expect.stringContaining('4, the hospitals in the data, or --split') as unknown,
    });
    expect(existsSync(path('three'))).toBe(false);
    expect(await refusalOf('split', ['--split'])).toMatchObject({ code: 'E-USAGE', want: '--split --sites <n>' });
  });

  it.concurrent('an epsilon without noise to keep it', async () => {
    expect(await refusalOf('noise', ['--noise', 'none', '--epsilon', '2'])).toMatchObject({ code: 'E-USAGE' });
  });

  it.concurrent('what it does not know, with the nearest right word', async () => {
    expect(await refusalOf('flag', ['--round', '3'])).toMatchObject({
      code: 'E-USAGE',
      exit: 64,
      detail: expect.stringContaining('did you mean --rounds?') as unknown,
    });
    expect(await refusalOf('party', ['--lie', 'harbor:debug=true'])).toMatchObject({
      code: 'E-USAGE',
      detail: '--lie: no party harbor; did you mean harbour?',
    });
    expect(await refusalOf('lie', ['--lie', 'harbour:measurment=00'])).toMatchObject({ code: 'E-USAGE' });
    expect(existsSync(path('lie'))).toBe(false);
  });

  it.concurrent('a run folder that holds something', async () => {
    mkdirSync(path('taken'));
    writeFileSync(path('taken/results.txt'), 'of an earlier run');
    expect(await refusalOf('taken', [])).toMatchObject({
      code: 'E-USAGE',
      detail: expect.stringContaining('not empty') as unknown,
    });
    expect(readdirSync(path('taken'))).toEqual(['results.txt']);
    writeFileSync(path('file'), 'not a folder');
    expect(await refusalOf('file', [])).toMatchObject({
      code: 'E-USAGE',
      detail: expect.stringContaining('not a folder') as unknown,
    });
    expect(readFileSync(path('file'), 'utf8')).toBe('not a folder');
  });

  it.concurrent('bad hospital files, all at once, by file, row, column and rule, and never shows a value', async () => {
    const folder = path('bad-hospitals');
    const planted = writeCanaryHospitals(folder);
    const { values, names } = spoilHospitals(folder);
    const run = simulate('bad-data', ['--data', folder]);
    expect((await run.ended).code).toBe(65);
    const error = run.lines.at(-1) as Line & { refusals: { detail: string }[] };
    expect(error).toMatchObject({
      type: 'error',
      code: 'E-DATA-FILE',
      patientData: 'No patient data left the hospital.',
    });
    expect(error.refusals.map(({ detail }) => detail)).toEqual(
      names.map((name) => `${name}: 1 violation: line 5, age: outside 0–120 years`),
    );
    for (const value of [...values, ...planted]) expect(run.stdout + run.stderr).not.toContain(value);
    expect(run.lines.some(({ type }) => type === 'process')).toBe(false);
    expect(existsSync(run.out)).toBe(false);
  });

  it.concurrent('a study file with faults, all at once', async () => {
    expect(await refusalOf('no-study', ['--study', path('nowhere.yaml')])).toMatchObject({
      code: 'E-CONFIG',
      detail: 'nowhere.yaml: there is no such file',
    });
    const study = readFileSync(shipped, 'utf8')
      .replace(/^kMin: 3$/m, 'kMinn: 3')
      .replace(/^requireSites: .*$/m, 'requireSites: 3');
    writeFileSync(path('bad-study.yaml'), study);
    const { code, detail } = await refusalOf('bad-study', ['--study', path('bad-study.yaml')]);
    expect(code).toBe('E-CONFIG');
    expect(detail).toMatch(/bad-study\.yaml: .*kMinn.*kMin/);
    expect(detail).toMatch(/requireSites/);
  });
});
