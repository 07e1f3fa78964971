import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { measureProgram } from '../../../lib/attestation/measure/measure-program.ts';
import { PROGRAM_NODE_FLAGS } from '../../../lib/attestation/measure/program-launch.ts';
import { toHex } from '../../../lib/core/bytes.ts';

let root: string;
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const measure = (entry = 'app/main.ts', where = root) => measureProgram(join(where, entry), where);
const digest = (): string => toHex(measure().digest);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'measure-'));
  write('package-lock.json', '{}');
  write('package.json', '{ "type": "module" }');
  write(
    'app/main.ts',
    `import type { A } from './types-only.ts';
     import { b, type B } from './b.ts';
     export * from '../lib/c.ts';
     import data from './data.json' with { type: 'json' };
     import packaged from 'some-package';
     const later = await import('./later.ts');
     const text: string = "import './not-an-import.ts'"; // import './nor-this.ts'
     export const all: [A | null, B, unknown, unknown] = [null, b, data, [later, text, packaged]];`,
  );
  write('app/types-only.ts', 'export type A = 1;');
  write('app/b.ts', `import '../lib/c.ts'; export type B = number; export const b: B = 1;`);
  write('app/later.ts', `export const late = 1;`);
  write('app/data.json', '1');
  write('app/stranger.ts', 'export const unused = 1;');
  write('lib/c.ts', `import { b } from '../app/b.ts'; export const c = () => b;`);
  write('proto/consilium/v1/x.proto', 'syntax = "proto3";');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe('the measurement of a program', () => {
  test('covers what it loads, the lock file, the package file, and nothing else', () => {
    expect(measure().files.map(({ path }) => path)).toEqual([
      'app/b.ts',
      'app/data.json',
      'app/later.ts',
      'app/main.ts',
      'lib/c.ts',
      'package-lock.json',
      'package.json',
    ]);
    expect(measure().computedImports).toEqual([]);
  });

  test('is the same again, and the same in another folder', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'measure-'));
    try {
      cpSync(root, elsewhere, { recursive: true });
      expect(measure('app/main.ts', elsewhere)).toEqual(measure());
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test.each([
    ...['app/main.ts', 'app/b.ts', 'app/data.json', 'app/later.ts', 'lib/c.ts'],
    ...['package.json', 'package-lock.json'],
  ])('changes with one byte of %s', (path) => {
    const before = digest();
    write(path, ` ${textOf(path)}`);
    expect(digest()).not.toBe(before);
  });

  test('changes when a package.json is planted beside a file, where Node would read the file by its rules', () => {
    const before = digest();
    write('other/package.json', '{ "type": "commonjs" }');
    expect(digest()).toBe(before);
    write('lib/package.json', '{ "type": "commonjs" }');
    expect(digest()).not.toBe(before);
    expect(measure().files.map(({ path }) => path)).toContain('lib/package.json');
  });

  test('covers how Node is started, its version too', () => {
    expect(measure().launch).toMatchObject({ nodeVersion: process.version, nodeFlags: PROGRAM_NODE_FLAGS });
    const before = digest();
    vi.spyOn(process, 'version', 'get').mockReturnValue('v24.0.0');
    expect(digest()).not.toBe(before);
    vi.restoreAllMocks();
    expect(digest()).toBe(before);
  });

  test.each(['app/types-only.ts', 'app/stranger.ts', 'proto/consilium/v1/x.proto'])(
    'does not change with %s',
    (path) => {
      const before = digest();
      write(path, 'export type Other = 2;');
      expect(digest()).toBe(before);
    },
  );

  test('changes when a file is renamed', () => {
    const before = digest();
    write('app/main.ts', textOf('app/main.ts').replaceAll('./later.ts', './afterwards.ts'));
    write('app/afterwards.ts', textOf('app/later.ts'));
    expect(digest()).not.toBe(before);
  });

  test('covers the .proto files of a program that speaks over the wire', () => {
    write('lib/wire/codec.ts', 'export const codec = 1;');
    write('app/b.ts', `import '../lib/wire/codec.ts'; export type B = number; export const b: B = 1;`);
    expect(measure().files.map(({ path }) => path)).toContain('proto/consilium/v1/x.proto');
    const before = digest();
    write('proto/consilium/v1/y.proto', 'syntax = "proto3";');
    expect(digest()).not.toBe(before);
  });

  test('names the files that load something by a computed name', () => {
    write('app/later.ts', 'const name: string = "./x.ts"; export const late = import(name);');
    expect(measure().computedImports).toEqual(['app/later.ts']);
  });

  test.each(['#alias', '/opt/planted.ts', 'file:///opt/planted.ts', 'data:text/javascript,1'])(
    'names a file that loads %s, which is not followed',
    (target) => {
      write('app/later.ts', `import '${target}';`);
      expect(measure().computedImports).toEqual(['app/later.ts']);
    },
  );

  test('faults on a missing file and on one outside the repository', () => {
    rmSync(join(root, 'package.json'));
    expect(() => measure()).toThrow('ENOENT');
    write('package.json', '{}');
    write('app/later.ts', `import './absent.ts';`);
    expect(() => measure()).toThrow('ENOENT');
    expect(() => measureProgram(join(root, 'app/b.ts'), join(root, 'app'))).toThrow();
  });
});

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
