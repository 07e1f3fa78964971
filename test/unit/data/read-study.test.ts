import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkSumFits } from '../../../lib/contract/grid.ts';
import type { StudyFile } from '../../../lib/contract/study-file.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';
import { readStudy } from '../../../lib/data/read-study.ts';
import { heartStudy } from './heart-study.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-study-'));
});
async function read(text: string): Promise<Result<StudyFile, Refusal>> {
  const path = join(folder, 'study.yaml');
  await writeFile(path, text);
  return readStudy(path);
}

describe('the shipped study', () => {
  it('is read, with the terms the README promises', async () => {
    const study = await heartStudy();
    expect(study).toMatchObject({
      rounds: 20,
      kMin: 3,
      files: 'processed.*.data',
      model: { kind: 'dense', inputs: 13, layers: [{ units: 1, activation: 'sigmoid' }], initial: { kind: 'zeros' } },
    });
    const lengths = Object.entries(study.schema.split.testRows).map(([site, rows]) => [site, rows.length]);
    expect(lengths).toEqual([
      ['cleveland', 104],
      ['hungarian', 89],
      ['switzerland', 16],
      ['va', 45],
    ]);
  });

  it('has a grid fine enough for the golden trace, on which a thousand hospitals can be summed', async () => {
    const { grid } = await heartStudy();
    expect(grid.stepLog2).toBeLessThanOrEqual(-20);
    expect(checkSumFits(grid, 1000).ok).toBe(true);
  });
});

describe('a YAML file', () => {
  it.each([
    ['rounds: 3\nrounds: 4\n', 'study.yaml: line 2: DUPLICATE_KEY'],
    ['rounds: [3\n', 'study.yaml: line 2:'],
    ['a: &x 3\nb: *x\n', 'study.yaml: YAML aliases are not read'],
    ['a: !secret 3\n', 'study.yaml: line 1: TAG_RESOLVE_FAILED'],
    ['', 'study.yaml: (document): '],
    ['ruonds: 3\n', 'ruonds: unknown key; did you mean rounds?'],
  ])('%j is refused', async (text, message) => {
    const result = await read(text);
    expect(result).toMatchObject({ ok: false, error: { code: 'E-CONFIG' } });
    expect(!result.ok && result.error.detail).toContain(message);
  });

  it('that is absent or too large is refused', async () => {
    expect(await readStudy(join(folder, 'absent.yaml'))).toMatchObject({
      error: { code: 'E-CONFIG', detail: 'absent.yaml: there is no such file' },
    });
    expect(await read('#'.repeat(4_200_000))).toMatchObject({
      error: { code: 'E-CONFIG', detail: 'study.yaml: the file is larger than 4194304 bytes' },
    });
  });
});
