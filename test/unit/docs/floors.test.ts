import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { read, tableUnder } from './markdown.ts';

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: string };
}
const { forbidden } = createRequire(import.meta.url)('../../../.dependency-cruiser.cjs') as { forbidden: Rule[] };

/** Floor → floors it may import, read off the rules that CI checks. */
const checked = forbidden.flatMap(({ name, to }) => {
  const [, floor] = /^lib-(.+)-floor$/.exec(name) ?? [];
  if (floor === undefined) return [];
  const [, list = ''] = /\((.+)\)/.exec(to.pathNot ?? '') ?? [];
  return [[floor, list.split('|').filter((other) => other !== floor)] as const];
});

test("the table of floors is dependency-cruiser's", () => {
  const written = tableUnder(read('docs/architecture.md'), 'Floors').map(([floor = '', allowed = '']) => [
    floor.replaceAll('`', ''),
    allowed === '–' ? [] : allowed.split(', '),
  ]);
  expect(checked.length).toBeGreaterThan(10);
  expect(written).toEqual(checked);
});
