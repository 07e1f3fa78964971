import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { toHex, utf8 } from '../../core/bytes.ts';
import { hash } from '../../core/hash.ts';
import type { Digest } from '../../core/ids.ts';
import { importClosure } from './import-closure.ts';

const LOCK_FILE = 'package-lock.json';
const WIRE_FOLDER = 'lib/wire/';
const PROTO_FOLDER = 'proto';

export interface MeasuredFile {
  /** Relative to the repository root, with `/` between folders. */
  readonly path: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

export interface ProgramMeasurement {
  readonly digest: Digest;
  /** Sorted by path, UTF-16 code unit order. */
  readonly files: readonly MeasuredFile[];
  /** Files that also load something by a computed name, which the measurement cannot cover. */
  readonly computedImports: readonly string[];
}

/**
 * The reference value of a program that runs unbuilt: `H("code", path, sha256, path, sha256, …)` over its import
 * closure, the lock file (which pins every package), and the .proto files when the closure reaches lib/wire. Depends
 * on nothing but those bytes and their paths. Throws when a file is missing or lies outside the repository.
 */
export function measureProgram(entryPath: string, repositoryRoot: string): ProgramMeasurement {
  const root = resolve(repositoryRoot);
  const closure = importClosure(entryPath);
  const contents = new Map<string, Uint8Array>();
  for (const [path, bytes] of closure.files) contents.set(inside(root, path), bytes);
  contents.set(LOCK_FILE, readFileSync(join(root, LOCK_FILE)));
  if ([...contents.keys()].some((path) => path.startsWith(WIRE_FOLDER))) {
    for (const path of protoFiles(root)) contents.set(path, readFileSync(join(root, path)));
  }
  const hashed = [...contents]
    .map(([path, bytes]) => ({ path, sha256: new Uint8Array(createHash('sha256').update(bytes).digest()) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    digest: hash('code', ...hashed.flatMap(({ path, sha256 }) => [utf8(path), sha256])),
    files: hashed.map(({ path, sha256 }) => ({ path, sha256: toHex(sha256) })),
    computedImports: closure.computedImports.map((path) => inside(root, path)).sort(),
  };
}

function inside(root: string, path: string): string {
  const name = relative(root, path).split(sep).join('/');
  if (name.startsWith('../')) throw new Error('a measured program must not import files outside its repository');
  return name;
}

function protoFiles(root: string): string[] {
  return readdirSync(join(root, PROTO_FOLDER), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .map((name) => `${PROTO_FOLDER}/${name.split(sep).join('/')}`);
}
