import { encodeCbor } from '../lib/core/cbor.ts';
import { RefusalError } from '../lib/core/errors.ts';
import { hash } from '../lib/core/hash.ts';
import type { Digest } from '../lib/core/ids.ts';
import { eventLoopTurns } from '../lib/learning/event-loop-turns.ts';
import { projectToGrid } from '../lib/learning/integer-projection.ts';
import { toGrid } from '../lib/learning/quantise.ts';
import { trainingRandom, type TrainingRandom } from '../lib/learning/training-random.ts';
import { encodeUpdate, joinUpdate } from '../lib/learning/update-codec.ts';
import { encodeWeights } from '../lib/learning/weights.ts';
import { discreteGaussianVector } from '../lib/privacy/discrete-gaussian.ts';
import { expectedBatch, mechanismOf, pieceRows, plannedWeight, type Mechanism } from '../lib/privacy/mechanism.ts';
import { poissonSample } from '../lib/privacy/poisson-sample.ts';
import { secretWords } from '../lib/privacy/secret-words.ts';
import type { LocalTraining } from './local-training.ts';
import type { SiteModel } from './state.ts';

/**
 * One round under a contract with noise (PROTOCOL §7.5); `salt || plaintext`. Only the coordinates depend on the data:
 * the weight is the published one, the training loss is 0, and a round whose samples are empty is sent like any other.
 */
export async function trainPrivately(
  local: LocalTraining,
  mechanism: Mechanism,
  parent: SiteModel,
): Promise<Uint8Array> {
  const { secret, organisation, onNonFiniteRows } = local;
  const random = trainingRandom(secret, parent.digest);
  const round: PrivateRound = { local, mechanism, random, binding: bindingOf(local, mechanism), nonFiniteRows: 0 };
  const coordinates =
    mechanism.plan.placement === 'enclave'
      ? await descentOf(round, 0, parent.weights)
      : await noisyDescent(round, parent.weights);
  if (round.nonFiniteRows > 0) onNonFiniteRows(round.nonFiniteRows);
  const plaintext = encodeUpdate({ weight: plannedWeight(mechanism.plan, organisation), trainLoss: 0, coordinates });
  return joinUpdate(random.saltFor(plaintext), plaintext);
}

interface PrivateRound {
  readonly local: LocalTraining;
  readonly mechanism: Mechanism;
  readonly random: TrainingRandom;
  readonly binding: Digest;
  nonFiniteRows: number;
}

/**
 * What this hospital's sums follow from besides parent and step: data and terms, and the backend, since two of them
 * differ in the last bits. The noise of the enclave is not among its terms.
 */
function bindingOf(
  { sealed, organisation, table, trainer }: Pick<LocalTraining, 'sealed' | 'organisation' | 'table' | 'trainer'>,
  mechanism: Mechanism,
): Digest {
  const { grid, training, model } = sealed.contract;
  const { placement, samplingRate, clip } = mechanism.plan;
  const noise =
    placement === 'site' ? [mechanism.deviation, expectedBatch(mechanism.plan, [organisation])] : 'in the enclave';
  const terms = { spec: model.spec, training, grid, samplingRate, clip, noise, backend: trainer.backend };
  return hash('training', encodeCbor(terms), encodeWeights(table.features), encodeWeights(table.labels));
}

/**
 * All that this hospital's updates follow from besides their parent, its store's training secret among it: where two are
 * equal, so are the bytes for one parent. Throws for a contract without noise.
 */
export function paymentBinding(local: Omit<LocalTraining, 'onNonFiniteRows'>): Digest {
  const mechanism = mechanismOf(local.sealed.contract);
  if (mechanism === null) throw new RangeError('no noise, nothing to pay for');
  return hash('privacy-entry', local.secret, bindingOf(local, mechanism));
}

/** Down the slope: the negated sum of clipped gradients of the step's Poisson sample, in steps of the grid. */
async function descentOf(round: PrivateRound, step: number, weights: Float32Array): Promise<Int32Array> {
  const { local, mechanism, random, binding } = round;
  const { model, grid } = local.sealed.contract;
  const { features, labels } = local.table;
  const { samplingRate, clip } = mechanism.plan;
  const rows = poissonSample(local.table.rows, samplingRate, secretWords(random.stepSeed('sample', binding, step)));
  const { sum, nonFiniteRows } = await local.trainer.clippedSum({
    spec: model.spec,
    ...{ weights, features, labels, rows, clip, pieceRows: pieceRows(rows.length) },
  });
  round.nonFiniteRows += nonFiniteRows;
  const descent = sum.map((value) => -value);
  return projectToGrid(descent, grid);
}

/** Local DP-SGD (Abadi et al. 2016): every step is a noised sum over the published expectation; the rest is arithmetic on those. */
async function noisyDescent(round: PrivateRound, parent: Float32Array): Promise<Int32Array> {
  const { local, mechanism, random, binding } = round;
  const { training, grid } = local.sealed.contract;
  const scale = (training.learningRate * 2 ** grid.stepLog2) / expectedBatch(mechanism.plan, [local.organisation]);
  const weights = Float64Array.from(parent);
  const turn = eventLoopTurns();
  for (let step = 0; step < training.localSteps; step++) {
    const descent = await descentOf(round, step, Float32Array.from(weights));
    const words = secretWords(random.stepSeed('noise', binding, step));
    discreteGaussianVector(weights.length, mechanism.deviation, words).forEach((noise, i) => {
      weights[i] = (weights[i] ?? 0) + ((descent[i] ?? 0) + noise) * scale;
    });
    await turn();
  }
  const coordinates = toGrid(
    weights.map((weight, i) => weight - (parent[i] ?? 0)),
    grid,
  );
  if (!coordinates.ok) throw new RefusalError(coordinates.error);
  return coordinates.value;
}
