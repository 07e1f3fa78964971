import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GENERATED_FOLDER, generateTypes } from '../../../proto/generate.ts';

let fresh = '';
beforeAll(async () => {
  fresh = await mkdtemp(join(tmpdir(), 'consilium-types-'));
  await generateTypes(fresh);
});
afterAll(() => rm(fresh, { recursive: true, force: true }));

async function contents(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')] as const);
  return new Map((await Promise.all(read)).sort(([a], [b]) => a.localeCompare(b)));
}

describe('the generated types', () => {
  it('are those of the .proto files (else: node bin/node24.mjs proto/generate.ts)', async () => {
    const expected = await contents(fresh);
    expect(expected.size).toBeGreaterThan(50);
    expect(await contents(GENERATED_FOLDER)).toEqual(expected);
  });

  it('hold no path of the machine that made them', async () => {
    for (const text of (await contents(GENERATED_FOLDER)).values()) {
      expect(text).not.toMatch(/^\/\/ Original file: (?!proto\/)/m);
    }
  });
});
