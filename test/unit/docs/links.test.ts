import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchors, filesOf, prose, read, repositoryRoot } from './markdown.ts';

const pages = filesOf((name) => name.endsWith('.md'));
const sources = filesOf((name) => /\.(?:ts|mjs|cjs|proto|yaml)$/.test(name)).filter(
  (path) => !path.startsWith('proto/consilium/v1/generated/'),
);

const linksOf = (page: string): string[] =>
  [...prose(read(page)).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target ?? '');

test('the pages that a stranger looks for exist', () => {
  expect(pages).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/protocol.md']),
  );
  expect(read('LICENSE')).toContain('Apache License');
});

describe.each(pages)('%s', (page) => {
  const relative = linksOf(page).filter((target) => !/^[a-z]+:/.test(target));

  test('every relative link leads to a file, and its anchor to a heading', () => {
    const broken = relative.filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path)).replaceAll('\\', '/');
      if (!existsSync(join(repositoryRoot, file))) return true;
      return anchor !== undefined && !anchors(read(file)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('no path of a machine', () => {
    expect(read(page)).not.toMatch(/(?:^|[\s"'(=])\/(?:home|root|work|Users|tmp)\//m);
  });
});

test('every page and decision that code speaks of exists', () => {
  const missing = sources.flatMap((path) =>
    [...read(path).matchAll(/docs\/(?:decisions\/\d{4}|[a-z-]+\.md)/g)]
      .map(([cited]) => cited)
      .filter((cited) =>
        cited.endsWith('.md')
          ? !existsSync(join(repositoryRoot, cited))
          : !pages.some((page) => page.startsWith(`${cited}-`)),
      )
      .map((cited) => `${path}: ${cited}`),
  );
  expect(missing).toEqual([]);
});

test('every page of docs/ is reached from the README', () => {
  const seen = new Set<string>();
  const waiting = ['README.md'];
  for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
    if (seen.has(page) || !pages.includes(page)) continue;
    seen.add(page);
    for (const target of linksOf(page)) {
      waiting.push(normalize(join(dirname(page), target.split('#')[0] ?? '')).replaceAll('\\', '/'));
    }
  }
  expect(pages.filter((page) => page.startsWith('docs/') && !seen.has(page))).toEqual([]);
});
