import { extname } from 'node:path';
import { bytesEqual } from '../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { OrganisationId, PublicKey } from '../../lib/core/ids.ts';
import { overlayOf } from '../../site-agent/overlay-file.ts';
import { readOrganisations } from './organisation.ts';
import { readExistingOverlay } from './overlay.ts';

export interface NamedKey {
  readonly id: OrganisationId;
  readonly key: PublicKey;
}

/**
 * Keys that a verifier brings along: `organisation.json` files, lists of them, or a hospital's own `overlay.yaml`.
 * Throws RefusalError E-CONFIG when two files give one organisation different keys.
 */
export async function readConfirmedKeys(paths: readonly string[]): Promise<NamedKey[]> {
  const keys = new Map<OrganisationId, PublicKey>();
  for (const path of paths) {
    for (const { id, key } of await keysIn(path)) {
      const known = keys.get(id);
      if (known !== undefined && !bytesEqual(known, key))
        throw new RefusalError(refusal('E-CONFIG', `${path}: gives ${id} another key than a file before it`));
      keys.set(id, key);
    }
  }
  return [...keys].map(([id, key]) => ({ id, key }));
}

async function keysIn(path: string): Promise<NamedKey[]> {
  if (!['.yaml', '.yml'].includes(extname(path))) return readOrganisations(path);
  const { confirmedKeys } = overlayOf(await readExistingOverlay(path));
  return [...confirmedKeys].map(([id, key]) => ({ id, key }));
}
