import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { parse } from 'es-module-lexer/js';

const MODULE_EXTENSIONS = new Set(['.ts', '.mts', '.js', '.mjs']);
const DATA_EXTENSIONS = new Set(['.json']);
/** Loads a file or a text of its own that is neither a relative import nor a package: `#alias`, `/file`, `data:…`. */
const ELSEWHERE = /^(?:[#/]|(?:file|data|https?):)/i;

export interface ImportClosure {
  /** Absolute paths, the entry included, in no particular order, with the bytes that were read. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Files with an import whose target is computed, or that is not followed (`#alias`, `data:`): not measured. */
  readonly computedImports: readonly string[];
}

/**
 * Every file that `entry` loads through relative imports, static or dynamic with a literal target, after types are
 * stripped the way Node strips them: an `import type` loads nothing and does not count. Packages are left out.
 * Throws when a file is missing or is not valid TypeScript.
 */
export function importClosure(entry: string): ImportClosure {
  const files = new Map<string, Uint8Array>();
  const computedImports: string[] = [];
  const waiting = [resolve(entry)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const bytes = readFileSync(path);
    files.set(path, bytes);
    const { targets, computed } = importsOf(path, bytes);
    if (computed) computedImports.push(path);
    for (const target of targets) waiting.push(resolve(dirname(path), target));
  }
  return { files, computedImports };
}

function importsOf(path: string, bytes: Buffer): { targets: string[]; computed: boolean } {
  const extension = extname(path);
  if (!MODULE_EXTENSIONS.has(extension)) return { targets: [], computed: !DATA_EXTENSIONS.has(extension) };
  const text = bytes.toString('utf8');
  const [imports] = parse(extension.endsWith('ts') ? stripTypeScriptTypes(text) : text, path);
  const targets: string[] = [];
  let computed = false;
  for (const item of imports) {
    if (item.type === 'import-meta') continue;
    const unknown = item.specifier === undefined || (item.type === 'dynamic' && item.glob);
    if (unknown || ELSEWHERE.test(item.specifier)) computed = true;
    else if (/^\.\.?\//.test(item.specifier)) targets.push(item.specifier);
  }
  return { targets, computed };
}
