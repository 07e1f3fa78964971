import type { SealedContract } from '../lib/contract/study-contract.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import type { FeatureTable } from '../lib/data/featurise.ts';
import { shuffledBatches } from '../lib/learning/batch-source.ts';
import { toGrid } from '../lib/learning/quantise.ts';
import type { Trainer } from '../lib/learning/trainer.ts';
import { trainingRandom } from '../lib/learning/training-random.ts';
import { encodeUpdate, joinUpdate } from '../lib/learning/update-codec.ts';
import { mechanismOf } from '../lib/privacy/mechanism.ts';
import { trainPrivately } from './private-training.ts';
import type { SiteModel } from './state.ts';

export interface LocalTraining {
  readonly sealed: SealedContract;
  readonly organisation: OrganisationId;
  readonly trainer: Trainer;
  readonly table: FeatureTable;
  /** 32 bytes, drawn once for this hospital's store. */
  readonly secret: Uint8Array;
  /** Told how many rows of the round's samples counted as nothing, if any did; for the hospital alone. */
  readonly onNonFiniteRows: (rows: number) => void;
}

/**
 * One round at this hospital: local SGD, clipped and put on the grid, or what a contract with noise asks for instead;
 * `salt || plaintext`. The same parent, data and backend give the same bytes. Throws RefusalError when training diverges.
 */
export async function trainLocally(local: LocalTraining, parent: SiteModel): Promise<Uint8Array> {
  const { sealed, trainer, table, secret } = local;
  const mechanism = mechanismOf(sealed.contract);
  if (mechanism !== null) return trainPrivately(local, mechanism, parent);
  const { model, training, grid } = sealed.contract;
  const random = trainingRandom(secret, parent.digest);
  const batches = shuffledBatches({
    rows: table.rows,
    batchSize: training.batchSize,
    seed: random.batchSeed,
  });
  const { features, labels } = table;
  const outcome = await trainer.train({
    spec: model.spec,
    plan: training,
    weights: parent.weights,
    features,
    labels,
    batches,
  });
  const coordinates = toGrid(outcome.delta, grid);
  if (!coordinates.ok) throw new RefusalError(coordinates.error);
  const weight = Math.min(table.rows, grid.weightCap);
  const plaintext = encodeUpdate({ weight, trainLoss: outcome.trainLoss, coordinates: coordinates.value });
  return joinUpdate(random.saltFor(plaintext), plaintext);
}
