import type { StudyContract } from '../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import { freshWeights } from '../lib/learning/initial-weights.ts';
import { decodeWeights, encodeWeights, modelDigest } from '../lib/learning/weights.ts';
import { updateTerms } from '../lib/privacy/update-terms.ts';
import type { BlobStore } from '../lib/store/blob-store.ts';
import type { ModelName, SiteEnvironment, SiteModel } from './state.ts';

const MODELS = 'model/';
const UPDATES = 'update/';

/**
 * Where the one update of this parent model waits until it is answered. With noise, under the terms that it was made for: a
 * successor with others must not find it (PROTOCOL §7.9).
 */
export function updateKey(parent: Uint8Array, contract: StudyContract): string {
  const terms = updateTerms(contract);
  return UPDATES + toHex(parent) + (terms === null ? '' : `/${toHex(terms)}`);
}

/** To be called before the event that names the model is appended: a log must not name what is not there. */
export const keepModel = (blobs: BlobStore, { digest, weights }: SiteModel): Promise<void> =>
  blobs.put(MODELS + toHex(digest), encodeWeights(weights));

/**
 * The model of that name: kept in this store, under whichever contract, or one whose weights everybody can compute;
 * null: neither. Throws RefusalError E-STORE-DAMAGED when what is kept is another model.
 */
export async function keptModel(
  blobs: BlobStore,
  name: ModelName,
  { sealed, layout }: Pick<SiteEnvironment, 'sealed' | 'layout'>,
): Promise<SiteModel | null> {
  const kept = await blobs.get(MODELS + toHex(name.digest));
  if (kept === null) {
    const { model } = sealed.contract;
    const fresh = bytesEqual(name.digest, model.initialDigest) ? freshWeights(model) : null;
    return fresh === null ? null : { ...name, weights: fresh };
  }
  const weights = decodeWeights(kept, layout.length);
  if (!weights.ok || !bytesEqual(modelDigest(layout.digest, weights.value), name.digest))
    throw new RefusalError(refusal('E-STORE-DAMAGED', `model ${toHex(name.digest)} is not what was kept`));
  return { ...name, weights: weights.value };
}

/**
 * Erases every other model, and every update but the one for this model: nobody asks for them again (PROTOCOL §7.8).
 * What a crash left between two writes is among them.
 */
export async function keepOnly(blobs: BlobStore, { digest }: ModelName, contract: StudyContract): Promise<void> {
  const needed = [MODELS + toHex(digest), updateKey(digest, contract)];
  const held = [...(await blobs.keys(MODELS)), ...(await blobs.keys(UPDATES))];
  for (const key of held) if (!needed.includes(key)) await blobs.delete(key);
}
