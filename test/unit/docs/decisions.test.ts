import { describe, expect, test } from 'vitest';
import { filesOf, read } from './markdown.ts';

const records = filesOf((name) => /^\d{4}-.*\.md$/.test(name)).filter((path) => path.startsWith('docs/decisions/'));
const index = read('docs/decisions/README.md');

const titleOf = (record: string): string => (read(record).split('\n')[0] ?? '').replace(/^# \d{4} /, '');
const numberOf = (record: string): string => record.slice('docs/decisions/'.length).slice(0, 4);

test('records are numbered from 0001 on without gaps', () => {
  const numbers = records.map(numberOf).sort();
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')));
  expect(numbers).not.toEqual([]);
});

describe.each(records)('%s', (record) => {
  test('says context, decision and consequences under its own number', () => {
    const headings = [...read(record).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(headings.slice(0, 3)).toEqual(['Context', 'Decision', 'Consequences']);
    expect(read(record)).toMatch(new RegExp(`^# ${numberOf(record)} \\S`));
  });

  test('stands in the index with its title', () => {
    const file = record.slice('docs/decisions/'.length);
    expect(index).toContain(`| [${numberOf(record)}](${file}) | ${titleOf(record)} |`);
  });
});

test('the index holds nothing else', () => {
  const listed = [...index.matchAll(/\]\((\d{4}[^)]*)\)/g)].map(([, file]) => `docs/decisions/${file ?? ''}`);
  expect(listed.sort()).toEqual([...records].sort());
});
