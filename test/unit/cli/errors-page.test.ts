import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorsPage } from '../../../cli/output/errors-page.ts';
import { ERRORS } from '../../../lib/core/errors.ts';

test('docs/errors.md is what the error table makes: node bin/consilium.mjs errors --markdown > docs/errors.md', () => {
  expect(readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsPage());
});

test('every code has its section, and every link leads to one', () => {
  const page = errorsPage();
  const anchors = new Set(Array.from(page.matchAll(/^### (.+)$/gm), ([, heading = '']) => heading.toLowerCase()));
  expect(anchors.size).toBe(Object.keys(ERRORS).length);
  for (const [, target = ''] of page.matchAll(/\(#(.+?)\)/g)) expect(anchors).toContain(target);
  expect(page).not.toContain('| other |');
});
