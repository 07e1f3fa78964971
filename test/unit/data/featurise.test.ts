import { mkdtemp, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DataSchema } from '../../../lib/contract/data-schema.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import type { HospitalData } from '../../../lib/data/featurise.ts';
import { loadHospital } from '../../../lib/data/load-hospital.ts';

const SCHEMA: DataSchema = {
  format: 'csv',
  delimiter: ',',
  header: false,
  columns: ['dose', 'kind', 'score'],
  missing: ['?'],
  missingRule: 'drop-row',
  features: [
    { column: 'dose', kind: 'number', unit: 'mg', range: [0, 1000], centre: 10, halfWidth: 4 },
    { column: 'kind', kind: 'category', unit: 'code', levels: [7, 3, 5] },
  ],
  clip: 2.5,
  label: { column: 'score', unit: 'points', range: [-9, 9], positive: { rule: 'at-least', threshold: 2 } },
  split: { everyNth: 3, testRows: { listed: [0, 4], nothing: [] } },
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-featurise-'));
});

async function load(text: string, name = 'any', schema = SCHEMA): Promise<Result<HospitalData, Refusal>> {
  const path = join(folder, 'file.csv');
  await writeFile(path, text);
  return loadHospital({ path, organisation: organisationId(name), schema });
}
async function loaded(...from: Parameters<typeof load>): Promise<HospitalData> {
  const result = await load(...from);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

describe('a row becomes', () => {
  it('a scaled and clipped number, one input per level after the first, and a label', async () => {
    const { train } = await loaded('12,7,2\n10,3,1.9\n10,7,0\n1000,5,9\n0,7,-9\n');
    expect([...train.features]).toEqual([0.5, 0, 0, 0, 1, 0, 2.5, 0, 1, -2.5, 0, 0]);
    expect([...train.labels]).toEqual([1, 0, 1, 0]);
    expect(train.rows).toBe(4);
  });

  it('positive when it is not zero, also below', async () => {
    const schema: DataSchema = { ...SCHEMA, label: { ...SCHEMA.label, positive: { rule: 'non-zero' } } };
    const { train } = await loaded('1,7,-1\n1,7,0\n1,7,0\n1,7,0.5\n', 'any', schema);
    expect([...train.labels]).toEqual([1, 0, 1]);
  });
});

describe('the split', () => {
  const six = '1,7,1\n2,7,1\n3,7,1\n?,7,1\n5,7,1\n6,7,1\n';

  it('takes each third row of the raw file for testing, dropped ones counted', async () => {
    const data = await loaded(six);
    expect([...data.train.rawRowIndex]).toEqual([0, 1, 4]);
    expect([...data.test.rawRowIndex]).toEqual([2, 5]);
    expect(data).toMatchObject({ droppedRows: 1, totalRows: 6 });
  });

  it('takes the rows that the contract lists for the hospital', async () => {
    const data = await loaded(six, 'listed');
    expect([...data.test.rawRowIndex]).toEqual([0, 4]);
    expect([...data.train.rawRowIndex]).toEqual([1, 2, 5]);
  });

  it('tests on nothing where the list is empty', async () => {
    expect((await loaded(six, 'nothing')).test.rows).toBe(0);
  });

  it('does not take what every object has for a list', async () => {
    expect([...(await loaded(six, 'constructor')).test.rawRowIndex]).toEqual([2, 5]);
  });

  it('refuses a list that was written for a longer file', async () => {
    const result = await load('1,7,1\n2,7,1\n3,7,1\n4,7,1\n', 'listed');
    expect(result).toMatchObject({ ok: false, error: { code: 'E-DATA-FILE' } });
    expect(!result.ok && result.error.detail).toBe(
      'file.csv: split.testRows of listed names rows beyond the 4 of this file',
    );
  });
});

describe('nothing left to train on', () => {
  it.each([
    ['an empty file', '', 'any'],
    ['only dropped rows', '?,7,1\n1,7,?\n', 'any'],
    ['only a test row', '?,7,1\n?,7,1\n1,7,1\n', 'any'],
  ])('%s is refused', async (_what, text, name) => {
    expect(await load(text, name)).toMatchObject({ ok: false, error: { code: 'E-DATA-EMPTY' } });
  });
});

describe('a path that is no file', () => {
  const at = (path: string): Promise<Result<HospitalData, Refusal>> =>
    loadHospital({ path, organisation: organisationId('any'), schema: SCHEMA });

  it('is refused by its name alone, without its folders', async () => {
    expect(await at(join(folder, 'absent.csv'))).toEqual({
      ok: false,
      error: { code: 'E-DATA-FILE', detail: 'absent.csv: there is no such file' },
    });
    await mkdir(join(folder, 'a-folder'), { recursive: true });
    expect(await at(join(folder, 'a-folder'))).toEqual({
      ok: false,
      error: { code: 'E-DATA-FILE', detail: 'a-folder: not a plain file' },
    });
  });
});
