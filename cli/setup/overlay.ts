import { existsSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadConfig } from '../../lib/config/config-file.ts';
import type { Organisation } from '../../lib/contract/study-contract.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { overlayFile, withConfirmed, type OverlayFile } from '../../site-agent/overlay-file.ts';
import { writePublic } from './write-file.ts';

const HEADER = `# Organisations whose key somebody at this hospital has confirmed by telephone, and this hospital's own conditions.
# Kept by \`consilium org confirm\`; it never leaves this machine.
`;

/** The overlay at `path`; empty where there is none yet. */
export const readOverlay = async (path: string): Promise<OverlayFile> =>
  existsSync(path) ? readExistingOverlay(path) : { confirmed: [], requireCoParticipants: [] };

export async function readExistingOverlay(path: string): Promise<OverlayFile> {
  const loaded = await loadConfig(path, () => overlayFile);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  return loaded.value;
}

/** Pins `organisation` in the overlay at `path`, which is made if it is not there. */
export async function confirmOrganisation(path: string, organisation: Organisation, at: Date): Promise<void> {
  const file = withConfirmed(await readOverlay(path), organisation, at);
  await writePublic(path, HEADER + stringify(file));
}
