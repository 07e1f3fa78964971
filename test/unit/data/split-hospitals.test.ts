import { beforeAll, describe, expect, it } from 'vitest';
import type { DataSchema } from '../../../lib/contract/data-schema.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';
import { generateCohorts } from '../../../lib/data/cohorts.ts';
import type { HospitalText } from '../../../lib/data/hospital-files.ts';
import { splitHospitals } from '../../../lib/data/split-hospitals.ts';
import { heartStudy } from './heart-study.ts';

let schema: DataSchema;
beforeAll(async () => {
  ({ schema } = await heartStudy());
});
const files = generateCohorts(11).map(({ organisation, text }) => ({ fileName: organisation, bytes: utf8(text) }));
const originals = generateCohorts(11).flatMap(({ text }) => text.trimEnd().split('\n'));

const divide = (sites: number, seed = 1, changes: Partial<DataSchema> = {}): Result<HospitalText[], Refusal> =>
  splitHospitals({ files, schema: { ...schema, ...changes }, sites, seed });
function divided(result: Result<HospitalText[], Refusal>): HospitalText[] {
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

describe('dividing files', () => {
  it('gives every row to exactly one hospital, nearly equally many each', () => {
    const sites = divided(divide(7));
    const rows = sites.map(({ text }) => text.trimEnd().split('\n'));
    expect(rows.flat().sort()).toEqual([...originals].sort());
    const counts = rows.map((own) => own.length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it('names hospitals that cannot be taken for real ones', () => {
    expect(divided(divide(3)).map(({ organisation }) => organisation)).toEqual([
      'synthetic-01',
      'synthetic-02',
      'synthetic-03',
    ]);
  });

  it('repeats itself for a seed and mixes the hospitals', () => {
    expect(divide(5, 1)).toEqual(divide(5, 1));
    expect(divide(5, 1)).not.toEqual(divide(5, 2));
    const first = divided(divide(2))[0]?.text.trimEnd().split('\n') ?? [];
    const fromFirstFile = first.filter((row) => originals.indexOf(row) < 220).length;
    expect(Math.abs(fromFirstFile - 110)).toBeLessThan(30);
  });

  it.each([0, -1, 1.5, Number.NaN, 97, 1001])('refuses %j sites', (sites) => {
    expect(divide(sites)).toMatchObject({ ok: false, error: { code: 'E-USAGE', want: '1 to 96 for 960 rows' } });
  });

  it('refuses a file that breaks the schema', () => {
    const bad = [...files, { fileName: 'bad.data', bytes: utf8('1,2\n') }];
    expect(splitHospitals({ files: bad, schema, sites: 2, seed: 1 })).toMatchObject({
      ok: false,
      error: { code: 'E-DATA-FILE', detail: 'bad.data: 1 violation: line 1: row has 2 cells, want 14' },
    });
  });

  it('keeps headers and quoted cells', () => {
    const small: DataSchema = {
      ...schema,
      header: true,
      columns: ['note', 'x', 'y'],
      features: [{ column: 'x', kind: 'number', unit: 'mg', range: [0, 99], centre: 0, halfWidth: 1 }],
      label: { ...schema.label, column: 'y' },
    };
    const rows = Array.from({ length: 20 }, (_, row) => `"a ""b"", c\nd",${row},1`);
    const bytes = utf8(['note,x,y', ...rows, ''].join('\r\n'));
    const sites = divided(splitHospitals({ files: [{ fileName: 'f', bytes }], schema: small, sites: 2, seed: 1 }));
    for (const { text } of sites) expect(text.startsWith('note,x,y\n')).toBe(true);
    const again = sites.flatMap(({ text }) =>
      text
        .trimEnd()
        .split('\n"a')
        .slice(1)
        .map((row) => `"a${row}`),
    );
    expect(again.sort()).toEqual([...rows].sort());
  });
});
