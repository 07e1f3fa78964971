import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { dataCommand } from '../../../../cli/commands/data.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const STUDY = fileURLToPath(new URL('../../../../examples/heart-disease/study.yaml', import.meta.url));
const path = testFolder();
const data = (...argv: string[]): Promise<Ran> => runCommand(dataCommand, 'data', ...argv);
const check = (name: string, ...more: string[]): Promise<Ran> => data('check', path(name), '--study', STUDY, ...more);
const harbour = path('processed.harbour.data');

beforeAll(async () => {
  await data('generate', '--study', STUDY, '--out', path());
});

describe('consilium data generate', () => {
  test('gives the same files for the same seed, others for another, and overwrites none', async () => {
    await data('generate', '--study', STUDY, '--out', path('again'));
    expect(await readFile(path('again', 'processed.harbour.data'))).toEqual(await readFile(harbour));
    await data('generate', '--study', STUDY, '--seed', '2', '--out', path('seed-2'));
    expect(await readFile(path('seed-2', 'processed.harbour.data'))).not.toEqual(await readFile(harbour));
    expect((await data('generate', '--study', STUDY, '--out', path())).exit).toBe(78);
  });
});

describe('consilium data check', () => {
  test('counts rows as the agent will use them', async () => {
    const counted = (await check('processed.harbour.data', '--json')).json();
    const lines = (await readFile(harbour, 'utf8')).trimEnd().split('\n');
    const used = ['age', 'sex', 'cp', 'trestbps', 'chol', 'fbs', 'restecg', 'thalach', 'exang', 'oldpeak'].map(
      (_, i) => i,
    );
    const complete = lines.map((line) => [...used, 13].every((column) => line.split(',')[column] !== '?'));
    const rows = (wanted: boolean): number =>
      complete.filter((whole, row) => whole && (row % 3 === 2) === wanted).length;
    expect(counted).toMatchObject({
      organisation: 'harbour',
      rows: lines.length,
      dropped: complete.filter((whole) => !whole).length,
      train: { rows: rows(false) },
      test: { rows: rows(true) },
    });
  });

  test('does not count a few patients exactly', async () => {
    const rows = (await readFile(harbour, 'utf8')).split('\n').filter((line) => /^[^?]*,\?,\?,\?,0$/.test(line));
    const few = [
      ...rows.slice(0, 6),
      (await readFile(harbour, 'utf8')).split('\n').find((line) => /^[^?]*,\?,\?,\?,[1-4]$/.test(line)) ?? '',
    ];
    await writeFile(path('processed.few.data'), `${few.join('\n')}\n`);
    const { exit, stdout } = await check('processed.few.data');
    expect(exit, stdout).toBe(0);
    expect(stdout).toMatch(/^for training +5 +fewer than 5$/m);
    expect((await check('processed.few.data', '--json')).json()).toMatchObject({ train: { rows: 5, positive: null } });
  });

  test('lists violations with line, column and rule, twenty of them, and never a value', async () => {
    const bad = Array.from({ length: 25 }, () => '731,1,1,145,233,1,2,150,0,2.3,3,0,6,0').join('\n');
    await writeFile(path('processed.bad.data'), `${bad}\n`);
    const { exit, stdout, stderr } = await check('processed.bad.data');
    expect({ exit, stdout }).toEqual({ exit: 65, stdout: '' });
    expect(stderr).toContain('processed.bad.data: 25 violations: line 1, age: outside 0–120 years; line 2,');
    expect(stderr).toContain('line 20, age');
    expect(stderr).not.toContain('line 21, age');
    expect(stderr).toContain('and 5 more');
    expect(stderr).not.toContain('731');
  });

  test('needs to know whose file it is', async () => {
    await writeFile(path('export.csv'), await readFile(harbour));
    expect((await check('export.csv')).stderr).toContain('the name is not of the form processed.*.data: say --org');
    expect((await check('export.csv', '--org', 'harbour', '--json')).json()).toMatchObject({ organisation: 'harbour' });
    // Cleveland's test rows stand in the study file: they do not fit another hospital's file.
    expect((await check('export.csv', '--org', 'cleveland')).stderr).toContain('names rows beyond');
  });

  test('files that are not there are refused', async () => {
    expect((await check('processed.nobody.data')).exit).toBe(65);
    expect((await data('check', harbour, '--study', path('nowhere.yaml'))).exit).toBe(78);
  });
});
