import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { characters, fitted, printable, wrapped } from '../../../cli/output/printable.ts';
import { renderRefusals, refusalsAsJson } from '../../../cli/output/render-refusal.ts';
import { renderTable } from '../../../cli/output/table.ts';
import { refusal } from '../../../lib/core/errors.ts';

describe('table', () => {
  const columns = [
    { title: 'site', align: 'left' },
    { title: 'accuracy', align: 'right' },
  ] as const;

  test('lines up its columns, numbers on the right, and shows what is missing as missing', () => {
    expect(
      renderTable(columns, [
        ['cleveland', '0.842'],
        ['va', 12],
        ['ålesund', null],
      ]),
    ).toBe(
      [
        'site       accuracy',
        '---------  --------',
        'cleveland     0.842',
        'va               12',
        'ålesund           –',
        '',
      ].join('\n'),
    );
    expect(renderTable(columns, [])).toBe('site  accuracy\n----  --------\n');
  });

  test('every line of any table is equally wide, and no cell steers the terminal', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `${text}\u001b[2J|`);
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
        const lines = renderTable(columns, rows).split('\n').slice(2, -1);
        expect(lines).toHaveLength(rows.length);
        expect(new Set(lines.map((line) => characters(line).length)).size).toBeLessThanOrEqual(1);
        expect(lines.join('')).not.toContain('\u001b');
      }),
    );
  });
});

describe('text', () => {
  test('is cut by what a reader counts as characters', () => {
    expect(fitted('cleveland', 9)).toBe('cleveland');
    expect(fitted('cleveland', 5)).toBe('clev…');
    expect(fitted('👩‍⚕️👩‍⚕️👩‍⚕️', 2)).toBe('👩‍⚕️…');
    expect(fitted('x', 0)).toBe('');
  });

  test('is wrapped between words, nothing lost', () => {
    fc.assert(
      fc.property(fc.lorem({ maxCount: 40 }), fc.integer({ min: 10, max: 60 }), (text, columns) => {
        const lines = wrapped(text, columns);
        expect(lines.join(' ')).toBe(text);
        for (const line of lines) expect(line.length <= columns || !line.includes(' ')).toBe(true);
      }),
    );
  });

  test('cannot clear the screen, ring, break the line or turn the writing direction', () => {
    expect(printable('a\u001b[2J\u0007\r\n\u202eb\u009b')).toBe('a [2J    b ');
  });
});

describe('refusal', () => {
  const hostile = refusal('E-ORG-UNKNOWN', 'evil\u001b[2J\nsite', { got: 'x\ny', want: 'z' });

  test('never passes on control characters and keeps within a narrow terminal', () => {
    const text = renderRefusals([hostile], { columns: 50, color: false });
    expect(text).not.toContain('\u001b');
    expect(text).toContain('evil [2J site');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(50);
  });

  test('is one line of JSON for programs, with every refusal in it', () => {
    const line = refusalsAsJson([hostile, refusal('E-USAGE', 'second')]);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({
      type: 'error',
      code: 'E-ORG-UNKNOWN',
      got: 'x\ny',
      want: 'z',
      exit: 77,
      retryable: false,
      refusals: [{ code: 'E-ORG-UNKNOWN' }, { code: 'E-USAGE', detail: 'second' }],
    });
  });
});
