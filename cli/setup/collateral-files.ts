import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFolder, updateFolder } from '../../lib/attestation/collateral-folder/collateral-folder.ts';
import { acceptItems, type Accepted } from '../../lib/attestation/collateral/collateral-state.ts';
import type { Collateral } from '../../lib/attestation/collateral/collateral.ts';
import { readCollateral } from '../../lib/attestation/collateral/read-collateral.ts';
import type { VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import { readNamedFile } from '../../lib/config/named-file.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { ok, type Result } from '../../lib/core/result.ts';

const MAX_FILES = 256;

/**
 * What lies at a path that somebody named, unverified: a file of any kind, a folder of collateral, or a folder of such
 * files. Throws RefusalError.
 */
export async function collateralAt(path: string): Promise<Collateral> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return fileItems(path);
  const { generation, state } = readFolder(path);
  if (generation > 0) return state.held.map(({ item }) => item);
  const files = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isFile());
  if (files.length === 0 || files.length > MAX_FILES) {
    throw new RefusalError(refusal('E-USAGE', `${path}: a folder of ${files.length} files, not of 1 to ${MAX_FILES}`));
  }
  const items = await Promise.all(files.map(({ name }) => fileItems(join(path, name))));
  return items.flat();
}

async function fileItems(path: string): Promise<Collateral> {
  const read = readCollateral(await readNamedFile(path, 'E-USAGE'), path);
  if (!read.ok) throw new RefusalError(read.error);
  return read.value;
}

/** Verifies items and stores them in a folder; nothing is stored where one of them is not genuine. */
export const storeItems = (
  folder: string,
  items: Collateral,
  roots: VendorRoots,
): Result<Omit<Accepted, 'state'>, readonly Refusal[]> =>
  updateFolder<Result<Omit<Accepted, 'state'>, readonly Refusal[]>>(folder, (state) => {
    const accepted = acceptItems(state, items, roots);
    if (!accepted.ok) return { state: null, result: accepted };
    const { stored, older } = accepted.value;
    return { state: stored.length === 0 ? null : accepted.value.state, result: ok({ stored, older }) };
  });
