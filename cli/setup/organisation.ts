import { join } from 'node:path';
import { z } from 'zod';
import { readNamedFile, readSecretFile } from '../../lib/config/named-file.ts';
import { keyWords } from '../../lib/contract/key-words.ts';
import type { Organisation } from '../../lib/contract/study-contract.ts';
import { bytesEqual, fromHex, toHex } from '../../lib/core/bytes.ts';
import { signerFromSeed, type Signer } from '../../lib/core/ed25519.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { isOrganisationId, type OrganisationId, type PublicKey } from '../../lib/core/ids.ts';
import { readJsonFile } from './read-json.ts';
import { refuseExisting, writeNew, writeSecret } from './write-file.ts';

const KEY_BYTES = 32;

/** What an organisation shows to others: `organisation.json`. */
const organisationFile = z.strictObject({
  id: z.string().refine(isOrganisationId, 'must be 1-63 lower-case letters, digits or hyphens'),
  name: z.string().min(1).max(400),
  key: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
});
/** Several in one file: `organisations.json`, as a simulated run writes it. */
const organisationList = z.array(organisationFile).min(1).max(1000);

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
  refuseExisting(paths.key, paths.public);
  const { publicKey } = signerFromSeed(seed);
  await writeSecret(paths.key, seed);
  await writeNew(paths.public, `${JSON.stringify({ id, name, key: toHex(publicKey) }, null, 2)}\n`);
  return { id, name, key: publicKey };
}

export const readOrganisation = async (path: string): Promise<Organisation> =>
  organisationOf(await readJsonFile(path, organisationFile));

/** One `organisation.json` or a list of them. */
export async function readOrganisations(path: string): Promise<Organisation[]> {
  const isList = new TextDecoder()
    .decode(await readNamedFile(path))
    .trimStart()
    .startsWith('[');
  return isList ? (await readJsonFile(path, organisationList)).map(organisationOf) : [await readOrganisation(path)];
}

/** The signer behind `organisation.key`. */
export async function readOrganisationKey(path: string): Promise<Signer> {
  const seed = await readSecretFile(path);
  if (seed.length !== KEY_BYTES) throw new RefusalError(refusal('E-CONFIG', `${path}: is not an organisation key`));
  return signerFromSeed(seed);
}

/** Refuses with E-ORG-KEY a key that is not the one of `organisation`. */
export function requireOwnKey(organisation: Organisation, { publicKey }: Signer): void {
  if (bytesEqual(organisation.key, publicKey)) return;
  throw new RefusalError(refusal('E-ORG-KEY', organisation.id));
}

/** Six words as people read them out. */
export const spokenWords = (organisation: Pick<Organisation, 'id' | 'key'>): string => keyWords(organisation).join(' ');

const organisationOf = ({ id, name, key }: z.output<typeof organisationFile>): Organisation => ({
  id,
  name,
  key: (fromHex(key) ?? new Uint8Array()) as PublicKey,
});
