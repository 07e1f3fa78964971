import type { SealedContract } from '../lib/contract/study-contract.ts';
import { toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import type { Digest } from '../lib/core/ids.ts';
import { freshWeights } from '../lib/learning/initial-weights.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { decodeWeights, encodeWeights } from '../lib/learning/weights.ts';
import type { BlobStore } from '../lib/store/blob-store.ts';
import type { Store } from '../lib/store/store.ts';
import { replaySite, type ReplayedSite } from './replay-site.ts';
import { initialSiteState, type SiteModel } from './state.ts';

/** A contract that this store has worked under, and what it remembers of it. */
export interface PastContract extends ReplayedSite {
  readonly sealed: SealedContract;
}

const startBlob = (model: Digest): string => `starting-model ${toHex(model)}`;

/** Kept for good: an agent that is started again before the first release needs the model that its contract starts from. */
export const keepStart = (blobs: BlobStore, { digest, weights }: SiteModel): Promise<void> =>
  blobs.put(startBlob(digest), encodeWeights(weights));

/** The model before round 1, as far as anybody can compute it or this store has kept it; null: neither. */
export async function startOf(blobs: BlobStore, { contract: { model } }: SealedContract): Promise<SiteModel | null> {
  const digest = model.initialDigest;
  const fresh = freshWeights(model);
  if (fresh !== null) return { round: 0, digest, weights: fresh };
  const kept = await blobs.get(startBlob(digest));
  if (kept === null) return null;
  const weights = decodeWeights(kept, layoutOf(model.spec).length);
  if (!weights.ok) throw new RefusalError(refusal('E-STORE-FORMAT', `starting model: ${weights.error.detail}`));
  return { round: 0, digest, weights: weights.value };
}

/** Replays every contract of `listed`. Throws RefusalError E-STORE-FORMAT on what cannot be read. */
export async function readPast(
  { events, blobs }: Pick<Store, 'events' | 'blobs'>,
  listed: readonly SealedContract[],
): Promise<readonly PastContract[]> {
  const past: PastContract[] = [];
  for (const sealed of listed) {
    const start = await startOf(blobs, sealed);
    if (start === null)
      throw new RefusalError(refusal('E-STORE-FORMAT', 'the starting model of a contract is missing'));
    const layout = layoutOf(sealed.contract.model.spec);
    past.push({ sealed, ...(await replaySite(events, { sealed, layout }, initialSiteState(start))) });
  }
  return past;
}
