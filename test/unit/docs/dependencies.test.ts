import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import lock from '../../../package-lock.json' with { type: 'json' };
import { read, repositoryRoot, tableUnder } from './markdown.ts';

const page = read('docs/dependencies.md');
const parts = [
  ['At run time', packageJson.dependencies, 5],
  ['Optional', packageJson.optionalDependencies, 5],
  ['For development', packageJson.devDependencies, 3],
] as const;

const locked = lock.packages as Readonly<Record<string, { readonly license?: string }>>;

/** Of the installed package; where an optional one was skipped, of the lock file. */
function licenceOf(name: string): string | undefined {
  const manifest = join(repositoryRoot, 'node_modules', name, 'package.json');
  if (!existsSync(manifest)) return locked[`node_modules/${name}`]?.license;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { license?: string }).license;
}

describe.each(parts)('%s', (title, dependencies, columns) => {
  const rows = tableUnder(page, title);
  const named = rows.map(([name = '']) => name.replaceAll('`', ''));

  test('has a line for every package of package.json and no other', () => {
    expect([...named].sort()).toEqual(Object.keys(dependencies).sort());
  });

  test('leaves no cell empty', () => {
    for (const row of rows) {
      expect(row).toHaveLength(columns);
      expect(row.every((cell) => cell !== '')).toBe(true);
    }
  });

  test('names the licence that the package itself states', () => {
    const stated = rows.map(([name = '', licence]) => [name.replaceAll('`', ''), licence]);
    expect(stated).toEqual(named.map((name) => [name, licenceOf(name)]));
  });
});

test('versions are exact', () => {
  const versions = parts.flatMap(([, dependencies]) => Object.values(dependencies));
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test('only the packages that the page speaks of have an install script', () => {
  const scripted = Object.entries(locked as Readonly<Record<string, { hasInstallScript?: boolean; dev?: boolean }>>)
    .filter(([, { hasInstallScript, dev }]) => hasInstallScript === true && dev !== true)
    .map(([path]) => path.replace('node_modules/', ''));
  // core-js comes with tfjs-node, and prints a line.
  expect(scripted.sort()).toEqual(['@tensorflow/tfjs-node', 'core-js', 'koffi', 'protobufjs']);
});
