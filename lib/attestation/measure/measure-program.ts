import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { toHex, utf8 } from '../../core/bytes.ts';
import { encodeCbor } from '../../core/cbor.ts';
import { hash } from '../../core/hash.ts';
import type { Digest } from '../../core/ids.ts';
import { importClosure } from './import-closure.ts';
import { programLaunch, type ProgramLaunch } from './program-launch.ts';

const LOCK_FILE = 'package-lock.json';
const PACKAGE_FILE = 'package.json';
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
  readonly launch: ProgramLaunch;
  /** Sorted by path, UTF-16 code unit order. */
  readonly files: readonly MeasuredFile[];
  /** Files that also load something by a computed name, which the measurement cannot cover. */
  readonly computedImports: readonly string[];
}

/**
 * The reference value of a program that runs unbuilt: `H("code", launch, path, sha256, path, sha256, …)`, the launch
 * in deterministic CBOR, over its import closure, every package.json that Node consults for a file of it (they decide
 * how Node reads the file), the lock file (which pins every package), and the .proto files when the closure reaches
 * lib/wire. Depends on nothing but those bytes, their paths, and the version of the Node that runs this. Throws when
 * a file is missing or lies outside the repository.
 */
export function measureProgram(entryPath: string, repositoryRoot: string): ProgramMeasurement {
  const root = resolve(repositoryRoot);
  const closure = importClosure(entryPath);
  const contents = new Map<string, Uint8Array>();
  for (const [path, bytes] of closure.files) contents.set(inside(root, path), bytes);
  for (const path of packageFiles(root, [...contents.keys()])) contents.set(path, readFileSync(join(root, path)));
  contents.set(LOCK_FILE, readFileSync(join(root, LOCK_FILE)));
  if ([...contents.keys()].some((path) => path.startsWith(WIRE_FOLDER))) {
    for (const path of protoFiles(root)) contents.set(path, readFileSync(join(root, path)));
  }
  const hashed = [...contents]
    .map(([path, bytes]) => ({ path, sha256: new Uint8Array(createHash('sha256').update(bytes).digest()) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const launch = programLaunch();
  return {
    digest: hash('code', encodeCbor({ ...launch }), ...hashed.flatMap(({ path, sha256 }) => [utf8(path), sha256])),
    launch,
    files: hashed.map(({ path, sha256 }) => ({ path, sha256: toHex(sha256) })),
    computedImports: closure.computedImports.map((path) => inside(root, path)).sort(),
  };
}

function inside(root: string, path: string): string {
  const name = relative(root, path).split(sep).join('/');
  if (name.startsWith('../')) throw new Error('a measured program must not import files outside its repository');
  return name;
}

/** That of the repository, which must exist, and any other on the way from it to one of `paths`. */
function packageFiles(root: string, paths: readonly string[]): ReadonlySet<string> {
  const found = new Set([PACKAGE_FILE]);
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      const candidate = `${folder}/${PACKAGE_FILE}`;
      if (existsSync(join(root, candidate))) found.add(candidate);
    }
  }
  return found;
}

function protoFiles(root: string): string[] {
  return readdirSync(join(root, PROTO_FOLDER), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .map((name) => `${PROTO_FOLDER}/${name.split(sep).join('/')}`);
}
