import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DataSchema } from '../../../lib/contract/data-schema.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { describeRefusal, type Refusal } from '../../../lib/core/errors.ts';
import type { Result } from '../../../lib/core/result.ts';
import { validateRows, type CleanTable } from '../../../lib/data/validate-rows.ts';
import { heartStudy } from './heart-study.ts';

let schema: DataSchema;
beforeAll(async () => {
  ({ schema } = await heartStudy());
});

const GOOD = '63,1,1,145,233,1,2,150,0,2.3,3,0,6,0';
const check = (text: string, changes: Partial<DataSchema> = {}): Result<CleanTable, Refusal> =>
  validateRows({ bytes: utf8(text), fileName: 'processed.x.data', schema: { ...schema, ...changes } });

function refused(result: Result<CleanTable, Refusal>): Refusal {
  if (result.ok) throw new Error('was accepted');
  expect(result.error.code).toBe('E-DATA-FILE');
  return result.error;
}
function accepted(result: Result<CleanTable, Refusal>): CleanTable {
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

/** GOOD with one cell replaced; `column` by name. */
function planted(column: string, cell: string): string {
  return GOOD.split(',')
    .map((text, index) => (schema.columns[index] === column ? cell : text))
    .join(',');
}

describe('a row that breaks a rule', () => {
  it.each([
    ['age', '187.5', 'outside 0–120 years'],
    ['age', '-187.5', 'outside 0–120 years'],
    ['sex', '187', 'outside 0–1 (0 female, 1 male)'],
    ['trestbps', '876', 'outside 0–300 mmHg'],
    ['chol', '8765', 'outside 0–1000 mg/dl'],
    ['thalach', '8765', 'outside 30–250 beats/min'],
    ['oldpeak', '-87.65', 'outside -5–10 mm'],
    ['oldpeak', '8.765e1', 'outside -5–10 mm'],
    ['num', '8765', 'outside 0–4 (0 no disease, 1-4 grade)'],
    ['cp', '8765', 'not one of the levels 1, 2, 3, 4'],
    ['cp', '1.8765', 'not one of the levels 1, 2, 3, 4'],
    ['restecg', '8765', 'not one of the levels 0, 1, 2'],
    ['age', 'CANARY', 'not a number'],
    ['cp', 'CANARY', 'not a number'],
    ['num', 'CANARY', 'not a number'],
    ['age', '0x8765', 'not a number'],
    ['age', '8765,', 'row has 15 cells, want 14'],
    ['age', 'Infinity', 'not a number'],
    ['age', 'NaN', 'not a number'],
    ['age', '87 65', 'not a number'],
    ['age', '1e8765', 'not a number'],
    ['age', '', 'empty'],
    ['age', '"87""65"', 'not a number'],
    ['num', '87"65', 'a quote or a carriage return stands in an unquoted cell'],
  ])('%s = %j: %s, and the cell is never repeated', (column, cell, rule) => {
    const refusal = refused(check(`${GOOD}\n${planted(column, cell)}\n${GOOD}\n`));
    const where = rule.startsWith('row') || rule.startsWith('a quote') ? 'line 2' : `line 2, ${column}`;
    expect(refusal.detail).toBe(`processed.x.data: 1 violation: ${where}: ${rule}`);
    const bare = cell.replaceAll(/["-]/g, '');
    if (bare !== '') expect(describeRefusal(refusal)).not.toContain(bare);
    expect(describeRefusal(refusal)).not.toMatch(/CANARY|876|187/);
  });

  it('is refused with every other one, in file order', () => {
    const text = [planted('age', '999'), '1,2', GOOD, planted('cp', '9'), planted('chol', 'CANARY')].join('\n');
    expect(refused(check(text)).detail).toBe(
      'processed.x.data: 4 violations: line 1, age: outside 0–120 years; line 2: row has 2 cells, want 14; ' +
        'line 4, cp: not one of the levels 1, 2, 3, 4; line 5, chol: not a number',
    );
  });

  it('may break several rules at once', () => {
    const row = planted('age', '999').replace(/,0$/, ',CANARY');
    expect(refused(check(row)).detail).toContain(
      '2 violations: line 1, age: outside 0–120 years; line 1, num: not a n',
    );
  });

  it('is among twenty listed, and the rest is counted', () => {
    const detail = refused(check(`${planted('age', '999')}\n`.repeat(57))).detail;
    expect(detail.match(/line \d+, age/g)).toHaveLength(20);
    expect(detail).toContain('line 20, age');
    expect(detail).toMatch(/^processed\.x\.data: 57 violations: .*; and 37 more$/);
  });

  it('is refused when the missing-value rule would drop it', () => {
    expect(refused(check(planted('age', '999').replace('145', '?'))).detail).toContain('line 1, age');
  });
});

describe('a row with a missing value', () => {
  it('is dropped and counted; row numbers go on', () => {
    const table = accepted(check([planted('chol', '?'), GOOD, planted('num', ' ? '), GOOD].join('\n')));
    expect([...table.rawRowIndex]).toEqual([1, 3]);
    expect(table).toMatchObject({ totalRows: 4, droppedRows: 2, width: 11 });
    expect([...table.values.subarray(0, 11)]).toEqual([63, 1, 145, 233, 1, 150, 0, 2.3, 1, 2, 0]);
  });

  it('stays when only an unused column is missing or odd', () => {
    expect(accepted(check(planted('thal', '?'))).droppedRows).toBe(0);
    expect(accepted(check(planted('slope', 'anything'))).droppedRows).toBe(0);
  });

  it('of an empty cell is dropped where the schema says that empty means missing', () => {
    expect(accepted(check(planted('chol', ''), { missing: ['', 'NA'] })).droppedRows).toBe(1);
    expect(accepted(check(planted('chol', 'NA'), { missing: ['', 'NA'] })).droppedRows).toBe(1);
  });
});

describe('numbers', () => {
  it.each([
    ['63.0', 63],
    ['.7', 0.7],
    ['+5', 5],
    ['5.', 5],
    ['1e1', 10],
    [' 44 ', 44],
    ['"44"', 44],
  ])('%j is read', (cell, value) => {
    expect(accepted(check(planted('age', cell))).values[0]).toBe(value);
  });

  it('at the ends of a range are inside', () => {
    for (const cell of ['0', '120']) expect(accepted(check(planted('age', cell))).totalRows).toBe(1);
    for (const cell of ['-0.001', '120.001']) refused(check(planted('age', cell)));
  });

  it('below zero are read', () => {
    expect(accepted(check(planted('oldpeak', '-.8'))).values[7]).toBe(-0.8);
  });
});

describe('a header', () => {
  const header = (): string => schema.columns.join(',');

  it('is checked and is no row', () => {
    const table = accepted(check(`${header()}\n${GOOD}\n`, { header: true }));
    expect(table.totalRows).toBe(1);
    expect([...table.rawRowIndex]).toEqual([0]);
  });

  it('that names other columns is refused without repeating them', () => {
    const detail = refused(check(`${header().replace('chol', 'CANARY')}\n${GOOD}\n`, { header: true })).detail;
    expect(detail).toBe('processed.x.data: 1 violation: line 1: header cell 5 is not chol');
  });

  it('that is a patient is not repeated', () => {
    const detail = refused(check(`${GOOD}\n`, { header: true })).detail;
    expect(detail).toContain('header cell 1 is not age');
    expect(detail).not.toMatch(/145|233|2\.3/);
  });

  it('of the wrong width is refused', () => {
    expect(refused(check('age,sex\n', { header: true })).detail).toContain('header has 2 cells, want 14');
  });

  it('where none is expected is refused', () => {
    expect(refused(check(`${header()}\n`)).detail).toContain('line 1, age: not a number');
  });
});

describe('other delimiters', () => {
  it('decimal commas are not numbers', () => {
    const row = GOOD.replaceAll(',', ';').replace('2.3', '2,3');
    expect(refused(check(row, { delimiter: ';' })).detail).toContain('line 1, oldpeak: not a number');
  });
});

describe('any file', () => {
  it('gives a table or a refusal that repeats none of its longer cells', () => {
    const canary = fc.stringMatching(/^[ghjkwz]{8}$/);
    const cell = fc.oneof(canary, fc.double().map(String), fc.constantFrom('?', '', '1', '"'));
    const file = fc.array(fc.array(cell, { maxLength: 16 }), { maxLength: 6 });
    fc.assert(
      fc.property(file, (rows) => {
        const result = check(rows.map((row) => row.join(',')).join('\n'));
        if (result.ok) return;
        for (const text of rows.flat()) if (text.length >= 6) expect(result.error.detail).not.toContain(text);
      }),
    );
  });
});
