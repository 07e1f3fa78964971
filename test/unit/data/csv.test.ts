import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../lib/core/bytes.ts';
import { CSV_LIMITS, readCsv, type CsvItem } from '../../../lib/data/csv.ts';

const read = (text: string | Uint8Array, limits = CSV_LIMITS): CsvItem[] => [
  ...readCsv(typeof text === 'string' ? utf8(text) : text, { delimiter: ',', limits }),
];
const cellsOf = (text: string): (readonly string[])[] =>
  read(text).map((item) => (item.kind === 'record' ? item.cells : [`fault: ${item.rule}`]));

describe('RFC 4180 §2', () => {
  it.each([
    [
      '2.1 records end with CRLF',
      'aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n',
      [
        ['aaa', 'bbb', 'ccc'],
        ['zzz', 'yyy', 'xxx'],
      ],
    ],
    [
      '2.2 the last may lack its line end',
      'aaa,bbb,ccc\r\nzzz,yyy,xxx',
      [
        ['aaa', 'bbb', 'ccc'],
        ['zzz', 'yyy', 'xxx'],
      ],
    ],
    ['2.4 spaces belong to a field', 'a , b', [['a ', ' b']]],
    [
      '2.5 fields may be quoted',
      '"aaa","bbb","ccc"\r\nzzz,yyy,xxx',
      [
        ['aaa', 'bbb', 'ccc'],
        ['zzz', 'yyy', 'xxx'],
      ],
    ],
    [
      '2.6 line ends and commas stand in quotes',
      '"aaa","b\r\nbb","c,c"\r\nzzz,yyy,xxx',
      [
        ['aaa', 'b\nbb', 'c,c'],
        ['zzz', 'yyy', 'xxx'],
      ],
    ],
    ['2.7 a quote is doubled', '"aaa","b""bb","ccc"', [['aaa', 'b"bb', 'ccc']]],
  ])('%s', (_rule, text, records) => {
    expect(cellsOf(text)).toEqual(records);
  });

  it.each([
    [
      '1,2\n3,4\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    ['\ufeff1,2\n', [['1', '2']]],
    [
      '1,,\n,2,',
      [
        ['1', '', ''],
        ['', '2', ''],
      ],
    ],
    ['"",""""\n', [['', '"']]],
    ['"a\n\nb",c', [['a\n\nb', 'c']]],
    ['', []],
    ['\ufeff', []],
    ['1,2\n\n\r\n', [['1', '2']]],
  ])('reads %j', (text, records) => {
    expect(cellsOf(text)).toEqual(records);
  });
});

describe('a faulty file', () => {
  it.each([
    ['1,"2" \n3,4', 1, 'text follows a closing quote'],
    ['1,2"\n3,4', 1, 'a quote or a carriage return stands in an unquoted cell'],
    ['1,2\r3\n3,4', 1, 'a quote or a carriage return stands in an unquoted cell'],
    ['\n3,4', 1, 'the line is empty'],
  ])('%j: line %i, %s; the next line is read', (text, line, rule) => {
    expect(read(text)).toEqual([
      { kind: 'fault', line, rule },
      { kind: 'record', line: 2, cells: ['3', '4'] },
    ]);
  });

  it('names the line on which an unclosed quote begins', () => {
    expect(read('1,2\n3,"4\n5,6\n')).toEqual([
      { kind: 'record', line: 1, cells: ['1', '2'] },
      { kind: 'fault', line: 2, rule: 'a quote is never closed' },
    ]);
  });

  it('counts physical lines across a quoted line end', () => {
    expect(read('"a\nb",1\n2,3').map(({ line }) => line)).toEqual([1, 3]);
  });

  it('refuses text that is not UTF-8, on its line alone', () => {
    const bytes = Uint8Array.from([...utf8('1,2\n'), 0xe9, 0x2c, 0x31, 0x0a, ...utf8('3,4')]);
    expect(read(bytes)).toEqual([
      { kind: 'record', line: 1, cells: ['1', '2'] },
      { kind: 'fault', line: 2, rule: 'the text is not UTF-8' },
      { kind: 'record', line: 3, cells: ['3', '4'] },
    ]);
  });

  it.each([
    [[0xc0, 0x80], 'overlong'],
    [[0xed, 0xa0, 0x80], 'a surrogate'],
    [[0xf4, 0x90, 0x80, 0x80], 'beyond U+10FFFF'],
    [[0xe2, 0x82], 'cut short'],
  ])('refuses UTF-8 %j: %s', (bytes) => {
    expect(read(Uint8Array.from(bytes))).toEqual([{ kind: 'fault', line: 1, rule: 'the text is not UTF-8' }]);
  });
});

describe('limits', () => {
  const limits = { maxBytes: 100, maxRecordBytes: 10, maxRecords: 3 };

  it('refuses a file beyond its size before reading it', () => {
    expect(read('1,2\n'.repeat(26), limits)).toEqual([
      { kind: 'fault', line: 1, rule: 'the file is larger than 100 bytes' },
    ]);
  });

  it('refuses a long row and reads on; ten bytes are not too many', () => {
    expect(read('1,345678901\n1,34567890\n', limits)).toEqual([
      { kind: 'fault', line: 1, rule: 'the row is longer than 10 bytes' },
      { kind: 'record', line: 2, cells: ['1', '34567890'] },
    ]);
  });

  it('counts the lines of a quoted cell into its row', () => {
    expect(read('"1\n2\n3\n4\n5\n6"\n', limits)[0]).toEqual({
      kind: 'fault',
      line: 1,
      rule: 'the row is longer than 10 bytes',
    });
  });

  it('stops at the row after the last allowed one', () => {
    const items = read('1,2\n1,2\n1,2\n1,2\n1,2\n', limits);
    expect(items.map(({ kind }) => kind)).toEqual(['record', 'record', 'record', 'fault']);
    expect(items[3]).toEqual({ kind: 'fault', line: 4, rule: 'the file has more than 3 rows' });
  });

  it('are those of a hospital file by default', () => {
    expect(CSV_LIMITS).toEqual({ maxBytes: 268_435_456, maxRecordBytes: 65_536, maxRecords: 5_000_000 });
  });

  it('reads an unclosed quote over half a million lines in passing', () => {
    const bytes = utf8('"\n'.repeat(3) + '"' + '\n'.repeat(500_000));
    const began = performance.now();
    expect([...readCsv(bytes, { delimiter: ',' })].length).toBeLessThan(500_010);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('hostile bytes', () => {
  it('give records and faults in line order, never a throw', () => {
    const limits = { maxBytes: 400, maxRecordBytes: 40, maxRecords: 20 };
    const fragment = fc.constantFrom('"', '""', ',', '\n', '\r', '\r\n', ';', '\t', 'é', '\ufeff', '1', '?', '\0');
    const text = fc.array(fragment, { maxLength: 120 }).map((parts) => utf8(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 420 })), (bytes) => {
        const items = read(bytes, limits);
        const lines = items.map(({ line }) => line);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
        expect(new Set(lines).size).toBe(lines.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('any table comes back when it is written as RFC 4180 says', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '1', '"', ',', '\n', ' ', 'é', '😀') });
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 8 });
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), (rows, end) => {
        const lines = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(','));
        expect(cellsOf(lines.join(end))).toEqual(rows);
      }),
    );
  });
});
