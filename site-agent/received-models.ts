import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { toHex } from '../lib/core/bytes.ts';
import { encodeModelFile } from '../lib/learning/model-file.ts';
import type { SiteModel } from './state.ts';

/** Names of the two files of one round in a site's output folder. */
export const receivedFileNames = (round: number): { model: string; passport: string } => {
  const name = `round-${String(round).padStart(4, '0')}`;
  return { model: `${name}.model.cbor`, passport: `${name}.passport.cbor` };
};

/** A successor counts its rounds from 1 again: its models lie in a folder of their own, beside those before them. */
export const receivedFolder = (output: string, { contract, digest }: SealedContract): string =>
  contract.predecessor === null ? output : join(output, `contract-${toHex(digest).slice(0, 16)}`);

/** Writes a model that passed every check beside its passport bundle; whole files or none. */
export async function saveReceivedModel(
  output: string,
  sealed: SealedContract,
  received: { model: SiteModel; bundle: Uint8Array },
): Promise<void> {
  const { model, bundle } = received;
  const folder = receivedFolder(output, sealed);
  const names = receivedFileNames(model.round);
  const { spec } = sealed.contract.model;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(join(folder, names.passport), bundle);
  const file = encodeModelFile({ contract: sealed.digest, spec, schema: sealed.contract.schema, ...model });
  await writeWhole(join(folder, names.model), file);
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, bytes, { mode: 0o600 });
  await rename(temporary, path);
}
