import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { toHex } from '../lib/core/bytes.ts';
import { RefusalError } from '../lib/core/errors.ts';
import { encodeModelFile } from '../lib/learning/model-file.ts';
import { diskRefusal } from '../lib/store/disk-fault.ts';
import type { SiteModel } from './state.ts';

/** Names of the two files of one round in a site's output folder. */
export const receivedFileNames = (round: number): { model: string; passport: string } => {
  const name = `round-${String(round).padStart(4, '0')}`;
  return { model: `${name}.model.cbor`, passport: `${name}.passport.cbor` };
};

const MODEL_NAME = /^round-(\d{4,})\.model\.cbor$/;

/** A successor counts its rounds from 1 again: its models lie in a folder of their own, beside those before them. */
export const receivedFolder = (output: string, { contract, digest }: SealedContract): string =>
  contract.predecessor === null ? output : join(output, `contract-${toHex(digest).slice(0, 16)}`);

interface Received {
  readonly model: SiteModel;
  readonly bundle: Uint8Array;
}

interface Place {
  /** The output folder of the configuration. */
  readonly output: string;
  readonly sealed: SealedContract;
  /** Models that stay, the new one among them; every passport stays, whose hospitals it names. */
  readonly keepModels: number;
}

/**
 * Writes a model that passed every check beside its passport bundle; whole files or none, and on the disk when it
 * resolves. Then erases the models that are too old to be kept. Throws RefusalError of the E-STORE family where the disk
 * refuses.
 */
export async function saveReceivedModel(
  { output, sealed, keepModels }: Place,
  { model, bundle }: Received,
): Promise<void> {
  const folder = receivedFolder(output, sealed);
  const names = receivedFileNames(model.round);
  const { spec } = sealed.contract.model;
  const file = encodeModelFile({ contract: sealed.digest, spec, schema: sealed.contract.schema, ...model });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeWhole(join(folder, names.passport), bundle);
    await writeWhole(join(folder, names.model), file);
    await sync(folder);
    for (const name of await readdir(folder)) {
      const round = Number(MODEL_NAME.exec(name)?.[1] ?? Infinity);
      if (round <= model.round - keepModels) await rm(join(folder, name), { force: true });
    }
  } catch (fault) {
    const refused = diskRefusal(folder, fault);
    throw refused === null ? fault : new RefusalError(refused);
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** A new name is durable only once its folder is synced; Windows cannot and need not. */
async function sync(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
