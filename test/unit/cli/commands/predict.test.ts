import { readFile, stat, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { predictCommand } from '../../../../cli/commands/predict.ts';
import { encodeModelFile, type ModelFile } from '../../../../lib/learning/model-file.ts';
import { layoutOf } from '../../../../lib/learning/layout.ts';
import { modelDigest } from '../../../../lib/learning/weights.ts';
import { digestOf, testContract } from '../../../support/test-contract.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
const { contract } = testContract();

/** Weights 0.75 and −0.5, bias 0.25; inputs are clipped to ±3, neither centred nor scaled. */
function model(): ModelFile {
  const { spec } = contract.model;
  const weights = Float32Array.of(0.75, -0.5, 0.25);
  const digest = modelDigest(layoutOf(spec).digest, weights);
  return { contract: digestOf('contract'), round: 3, spec, schema: contract.schema, digest, weights };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

async function predict(text: string, ...more: string[]): Promise<Ran> {
  await writeFile(path('rows.csv'), text);
  return runCommand(predictCommand, 'predict', '--model', path('model.cbor'), '--data', path('rows.csv'), ...more);
}

beforeAll(async () => {
  await writeFile(path('model.cbor'), encodeModelFile(model()));
});

describe('consilium predict', () => {
  test('gives the logistic of the scaled row, by row number', async () => {
    const { exit, stdout, stderr } = await predict('a,b,y\n1,2,0\n-2,0.5,1\n50,-50,0\n');
    expect(exit).toBe(0);
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header).toBe('row,probability');
    const want = [0.75 - 1 + 0.25, -1.5 - 0.25 + 0.25, 2.25 + 1.5 + 0.25].map(sigmoid);
    rows.forEach((line, index) => {
      const [row, probability] = line.split(',');
      expect(row).toBe(String(index + 1));
      expect(Number(probability)).toBeCloseTo(want[index] ?? Number.NaN, 5);
    });
    expect(stderr).toContain('not verified here: consilium verify model');
  });

  test('does not look at the outcome: missing, empty, out of range or text', async () => {
    const { exit, stdout } = await predict('a,b,y\n1,2,?\n1,2,\n1,2,99\n1,2,unknown\n');
    expect(exit).toBe(0);
    const probabilities = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[1]);
    expect(probabilities).toHaveLength(4);
    expect(new Set(probabilities).size).toBe(1);
  });

  test('predicts every row: none is kept aside for testing', async () => {
    const rows = Array.from({ length: 9 }, (_, i) => `${i},0,?`).join('\n');
    expect((await predict(`a,b,y\n${rows}\n`, '--json')).json()).toMatchObject({ rows: 9, predicted: 9, dropped: [] });
  });

  test('lists rows that lack a value, and gives the others their own numbers', async () => {
    const { stdout, stderr, json } = await predict('a,b,y\n?,1,0\n1,1,0\n1,?,0\n', '--json');
    expect(json()).toMatchObject({ type: 'predicted', rows: 3, predicted: 1, dropped: [1, 3], round: 3 });
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({ type: 'prediction', row: 2 });
    expect(stderr).toBe('');
    expect((await predict('a,b,y\n?,1,0\n')).stderr).toContain('Left out   1 (rows 1): a value is missing');
  });

  test('refuses bad rows with line, column and rule, never a value', async () => {
    const { exit, stdout, stderr } = await predict('a,b,y\n7777,1,0\nten,1,0\n1\n');
    expect({ exit, stdout }).toEqual({ exit: 65, stdout: '' });
    expect(stderr).toContain(
      'rows.csv: 3 violations: line 2, a: outside -100–100 mg; line 3, a: not a number; line 4: row has 1 cells, want 3',
    );
    expect(stderr).not.toMatch(/7777|ten/);
  });

  test('refuses a file without the header of the schema', async () => {
    expect((await predict('1,2,0\n')).stderr).toContain('line 1: is not the header that the schema names');
  });

  test('writes predictions for their owner only, and never over a file', async () => {
    const out = path('predictions.csv');
    const { stdout } = await predict('a,b,y\n1,2,0\n', '--out', out);
    expect(stdout).toBe('');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(await readFile(out, 'utf8')).toMatch(/^row,probability\n1,0\.5\d*\n$/);
    expect((await predict('a,b,y\n1,2,0\n', '--out', out)).exit).toBe(78);
  });

  test('three classes give three probabilities that sum to one', async () => {
    const spec = { ...contract.model.spec, layers: [{ units: 3, activation: 'softmax' as const }] };
    const weights = Float32Array.from({ length: layoutOf(spec).length }, (_, i) => i / 4);
    const digest = modelDigest(layoutOf(spec).digest, weights);
    await writeFile(path('three.cbor'), encodeModelFile({ ...model(), spec, weights, digest }));
    await writeFile(path('rows.csv'), 'a,b,y\n1,2,0\n2,1,0\n');
    const ran = await runCommand(predictCommand, 'predict', '--model', path('three.cbor'), '--data', path('rows.csv'));
    const [header, ...rows] = ran.stdout.trimEnd().split('\n');
    expect(header).toBe('row,class_0,class_1,class_2');
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      const [, ...shares] = row.split(',').map(Number);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    }
  });

  test('refuses what is no model', async () => {
    await writeFile(path('junk.cbor'), 'junk');
    const ran = await runCommand(predictCommand, 'predict', '--model', path('junk.cbor'), '--data', path('rows.csv'));
    expect(ran).toMatchObject({ exit: 65 });
    expect(ran.stderr).toContain('E-MODEL-FILE');
  });
});
