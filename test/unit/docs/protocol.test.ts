import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesOf, read, repositoryRoot, tableUnder } from './markdown.ts';

const ATTACKS = '8\\. What an attacker tries, and the test that shows it fails';
const page = read('docs/protocol.md');

/** `4`, `4.3`, …: headings, and the numbered rules below them. */
function sectionsOf(markdown: string): Set<string> {
  const sections = new Set<string>();
  let chapter = '';
  for (const line of markdown.split('\n')) {
    const [, heading] = /^## (\d+)\. /.exec(line) ?? [];
    const [, rule] = /^(\d+)\. /.exec(line) ?? [];
    if (heading !== undefined) sections.add((chapter = heading));
    else if (rule !== undefined && chapter !== '') sections.add(`${chapter}.${rule}`);
  }
  return sections;
}

const sections = sectionsOf(page);
const attacks = new Map(tableUnder(page, ATTACKS).map(([id = '', ...rest]) => [id, rest] as const));

/** `PROTOCOL §7.3–7.4`, `PROTOCOL §6, §7`: every number of the citation. */
const citedIn = (text: string): string[] =>
  [...text.matchAll(/PROTOCOL(?:(?:,| and)? §\d+(?:\.\d+)?(?:[–-]\d+(?:\.\d+)?)?)+/g)].flatMap(([citation]) =>
    [...citation.matchAll(/\d+(?:\.\d+)?/g)].map(([number]) => number),
  );

test('sections are found at all', () => {
  expect(sections).toEqual(new Set([...sections, '1', '2.2', '4.3', '6.2', '7.8', '8']));
  expect(citedIn('(PROTOCOL §7.3–7.4, §6), 64 bytes and PROTOCOL §2.')).toEqual(['7.3', '7.4', '6', '2']);
});

test('every section that anything cites exists', () => {
  const files = filesOf((name) => /\.(?:ts|md|proto|yaml|cjs|mjs)$/.test(name));
  const citations = files.flatMap((path) => citedIn(read(path)).map((section) => ({ path, section })));
  expect(citations.length).toBeGreaterThan(100);
  expect(citations.filter(({ section }) => !sections.has(section))).toEqual([]);
});

test('rules are numbered without gaps', () => {
  for (const section of sections) {
    const [chapter = '', rule] = section.split('.');
    const before = rule === undefined ? Number(chapter) - 1 : Number(rule) - 1;
    if (before > 0) expect(sections).toContain(rule === undefined ? `${before}` : `${chapter}.${before}`);
  }
});

test('every principle that code cites as HOUSE § stands in architecture.md', () => {
  const architecture = read('docs/architecture.md');
  const cited = filesOf((name) => name.endsWith('.ts')).flatMap((path) =>
    [...read(path).matchAll(/HOUSE §(\d)/g)].map(([, number]) => number ?? ''),
  );
  for (const number of new Set(cited)) expect(architecture).toMatch(new RegExp(`^${number}\\. \\*\\*`, 'm'));
});

describe('§8', () => {
  test('lists A1 to A18', () => {
    expect([...attacks.keys()]).toEqual(Array.from({ length: 18 }, (_, at) => `A${at + 1}`));
  });

  test('says which rows have a test: those with a file in test/adversary/', () => {
    const [, sentence = ''] = /^Written so far: (.+?)\. /m.exec(page) ?? [];
    const named = [...sentence.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    const written = filesOf((name) => /^a\d\d-.*\.test\.ts$/.test(name)).map((path) =>
      path.replace('test/adversary/', '').replace('.test.ts', ''),
    );
    expect(named).toEqual(written.sort());
    for (const name of written) expect(attacks.has(`A${Number(name.slice(1, 3))}`)).toBe(true);
  });

  const design = join(repositoryRoot, '..', 'shared', 'design', 'PROTOCOL.md');
  const absent = !existsSync(design);
  if (absent) console.warn('SKIPPED: ../shared/design/PROTOCOL.md is absent, §8 is not compared with the design');
  test.skipIf(absent)('weakens no row of the design', () => {
    const designed = tableUnder(readFileSync(design, 'utf8'), ATTACKS);
    expect(designed).toHaveLength(18);
    expect([...attacks].map(([id, rest]) => [id, ...rest])).toEqual(designed);
  });
});
