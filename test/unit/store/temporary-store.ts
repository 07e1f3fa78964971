import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { SqliteOptions } from '../../../lib/store/sqlite-database.ts';
import { openSqliteStore } from '../../../lib/store/sqlite.ts';
import type { Store } from '../../../lib/store/store.ts';

const folders: string[] = [];

/** Registers the removal of every folder that `temporaryFile` makes in this test file. */
export function cleanUpTemporaryFiles(): void {
  afterAll(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
}

/** A path in a folder of its own; nothing is there yet. */
export function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-store-'));
  folders.push(folder);
  return join(folder, name);
}

export async function openOrThrow(path: string, options: SqliteOptions = {}): Promise<Store> {
  const opened = await openSqliteStore(path, options);
  if (!opened.ok) throw new Error(`refused: ${opened.error.code}`);
  return opened.value;
}
