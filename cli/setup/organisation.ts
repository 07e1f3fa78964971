import { join } from 'node:path';
import { z } from 'zod';
import { explainIssues } from '../../lib/contract/explain-issues.ts';
import { keyWords } from '../../lib/contract/key-words.ts';
import type { Organisation } from '../../lib/contract/study-contract.ts';
import { fromHex, toHex } from '../../lib/core/bytes.ts';
import { signerFromSeed, type Signer } from '../../lib/core/ed25519.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { isOrganisationId, type OrganisationId, type PublicKey } from '../../lib/core/ids.ts';
import { readNamedFile } from './read-file.ts';
import { writePublic, writeSecret } from './write-file.ts';

const KEY_BYTES = 32;

/** What an organisation shows to others: `organisation.json`. */
const organisationFile = z.strictObject({
  id: z.string().refine(isOrganisationId, 'must be 1-63 lower-case letters, digits or hyphens'),
  name: z.string().min(1).max(400),
  key: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
});

export interface OrganisationPaths {
  /** Secret: 32 bytes, mode 0600. */
  readonly key: string;
  readonly public: string;
  readonly overlay: string;
}

export const organisationPaths = (folder: string): OrganisationPaths => ({
  key: join(folder, 'organisation.key'),
  public: join(folder, 'organisation.json'),
  overlay: join(folder, 'overlay.yaml'),
});

/** Writes a new organisation's key and public file. `seed`: 32 secret bytes from the CSPRNG (in simulation: derived). */
export async function initOrganisation(
  folder: string,
  { id, name, seed }: { id: OrganisationId; name: string; seed: Uint8Array },
): Promise<Organisation> {
  const paths = organisationPaths(folder);
  const { publicKey } = signerFromSeed(seed);
  await writeSecret(paths.key, seed);
  await writePublic(paths.public, `${JSON.stringify({ id, name, key: toHex(publicKey) }, null, 2)}\n`);
  return { id, name, key: publicKey };
}

export async function readOrganisation(path: string): Promise<Organisation> {
  const text = new TextDecoder().decode(await readNamedFile(path));
  const parsed = organisationFile.safeParse(jsonOf(text));
  if (!parsed.success) {
    throw new RefusalError(
      refusal('E-CONFIG', `${path}: ${explainIssues(organisationFile, jsonOf(text), parsed.error)}`),
    );
  }
  const { id, name, key } = parsed.data;
  return { id: id, name, key: (fromHex(key) ?? new Uint8Array()) as PublicKey };
}

/** The signer behind `organisation.key`. */
export async function readOrganisationKey(path: string): Promise<Signer> {
  const seed = await readNamedFile(path);
  if (seed.length !== KEY_BYTES) throw new RefusalError(refusal('E-CONFIG', `${path}: is not an organisation key`));
  return signerFromSeed(seed);
}

/** Six words as people read them out. */
export const spokenWords = (organisation: Organisation): string => keyWords(organisation).join(' ');

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
