import { stripTypeScriptTypes } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as library from '../../../lib/attestation/library.ts';
import { importClosure } from '../../../lib/attestation/measure/import-closure.ts';
import packageJson from '../../../package.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const { files, computedImports } = importClosure(`${ROOT}lib/attestation/library.ts`);
const paths = [...files.keys()].map((path) => relative(ROOT, path).replaceAll('\\', '/'));
const text = new TextDecoder();

/** The few files below that hold no I/O and no schema. */
const CORE = ['bytes', 'result', 'errors', 'cbor', 'byte-writer', 'ids'].map((name) => `lib/core/${name}.ts`);

test('what consilium/attestation loads is lib/attestation, without simulation, and a few files of lib/core', () => {
  expect(paths).toContain('lib/attestation/nitro/nitro.ts');
  expect(computedImports).toEqual([]);
  const outside = paths.filter((path) => !path.startsWith('lib/attestation/') && !CORE.includes(path));
  expect(outside).toEqual([]);
  expect(paths.filter((path) => /\/(?:simulated|measure|attesters)\//.test(path))).toEqual([]);
});

test('it loads no package, and no module of Node that reaches a disk, a network or a process', () => {
  const allowed = ['node:crypto', 'node:buffer', 'node:util'];
  for (const [path, bytes] of files) {
    const source = stripTypeScriptTypes(text.decode(bytes));
    const imported = [...source.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g)].map(
      ([, target = '']) => target,
    );
    expect(
      imported.filter((target) => !target.startsWith('.') && !allowed.includes(target)),
      path,
    ).toEqual([]);
  }
});

test('it never asks what time it is, and draws no random number', () => {
  for (const [path, bytes] of files) {
    expect(stripTypeScriptTypes(text.decode(bytes)), path).not.toMatch(
      /Date\.now\(|new Date\(\)|Math\.random|randomBytes/,
    );
  }
});

test('the package exports it under its name', async () => {
  expect(packageJson.exports['./attestation']).toBe('./lib/attestation/library.ts');
  const byName = await import('consilium/attestation');
  expect(Object.keys(byName).sort()).toEqual(Object.keys(library).sort());
  expect(byName.VENDOR_ROOTS).toEqual(library.VENDOR_ROOTS);
});
