import { describe, expect, it } from 'vitest';
import type { NoisePlan } from '../../../lib/contract/privacy-plan.ts';
import type { SealedContract, StudyContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import type { FeatureTable } from '../../../lib/data/featurise.ts';
import { projectToGrid } from '../../../lib/learning/integer-projection.ts';
import { toGrid } from '../../../lib/learning/quantise.ts';
import { loadTrainer } from '../../../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../../../lib/learning/trainer.ts';
import { decodeUpdate, SALT_BYTES, type DecodedUpdate } from '../../../lib/learning/update-codec.ts';
import { expectedBatch, mechanismOf } from '../../../lib/privacy/mechanism.ts';
import { openMemoryStore } from '../../../lib/store/memory.ts';
import { trainLocally } from '../../../site-agent/local-training.ts';
import { readLedger } from '../../../site-agent/privacy-ledger.ts';
import { paymentBinding } from '../../../site-agent/private-training.ts';
import type { SiteModel } from '../../../site-agent/state.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { must } from '../../support/study-in-memory.ts';
import { openLedger } from '../../support/test-ledger.ts';
import { digestOf, HOSPITALS } from '../../support/test-contract.ts';

const ROWS = 24;
const trainer = await loadTrainer('cpu');
const organisation = organisationId('adler');
const weights = Float32Array.of(0.25, -0.5, 0.125);
const parent = (name: string | number = 'parent'): SiteModel => ({ round: 1, digest: digestOf(`${name}`), weights });

const tableOf = (shift: number): FeatureTable => ({
  rows: ROWS,
  features: Float32Array.from({ length: ROWS * 2 }, (_, i) => 2 * Math.sin(i + shift)),
  labels: Float32Array.from({ length: ROWS }, (_, i) => i % 2),
  rawRowIndex: Uint32Array.from({ length: ROWS }, (_, i) => i),
});
const table = tableOf(0);

/** A rate at which samples of 24 rows are empty in all these runs, and so many published records that 2 are expected. */
const EMPTY = { samplingRate: 2 ** -19, records: 2 ** 20 };
const EVERY_ROW = { samplingRate: 1, records: 16 };

/** Steps of the grid that the model moves for one step of a noised sum, so that sum and noise can be read from the update. */
const UPDATE_STEPS = 4;

interface Terms {
  readonly samplingRate: number;
  readonly records: number;
}
function contractOf(
  placement: NoisePlan['placement'],
  { samplingRate, records }: Terms,
  change: { readonly privacy?: Partial<NoisePlan>; readonly training?: Partial<StudyContract['training']> } = {},
): SealedContract {
  const publicRecords = HOSPITALS.map((id) => ({ organisation: id, records }));
  const usual = noisyContract(placement).contract;
  const learningRate = UPDATE_STEPS * samplingRate * records;
  return noisyContract(placement, {
    privacy: noisePlan(placement, { samplingRate, publicRecords, ...change.privacy }),
    training: {
      ...usual.training,
      localSteps: 1,
      ...(placement === 'site' ? { learningRate } : {}),
      ...change.training,
    },
    grid: { ...usual.grid, coordinateBound: 2 ** 28, l2Bound: 2 ** 28, weightCap: placement === 'site' ? 2 ** 20 : 1 },
  });
}

interface Change {
  readonly secret?: Uint8Array;
  readonly table?: FeatureTable;
  readonly trainer?: Trainer;
  readonly onNonFiniteRows?: (rows: number) => void;
}
const payloadOf = (sealed: SealedContract, model = parent(), change: Change = {}): Promise<Uint8Array> => {
  const usual = { organisation, trainer, table, secret: digestOf('secret'), onNonFiniteRows: () => undefined };
  return trainLocally({ sealed, ...usual, ...change }, model);
};

async function updateOf(sealed: SealedContract, model = parent(), change: Change = {}): Promise<DecodedUpdate> {
  const payload = await payloadOf(sealed, model, change);
  const { grid } = sealed.contract;
  const decoded = decodeUpdate(payload.subarray(SALT_BYTES), { layoutLength: weights.length, grid });
  if (!decoded.ok) throw new Error(decoded.error.code);
  return decoded.value;
}

/** The sum over all rows at these weights, downhill. */
async function wholeSum({ contract }: SealedContract, at = weights): Promise<Float64Array> {
  if (contract.privacy.placement === 'none') throw new Error('a contract with noise');
  const { sum } = await trainer.clippedSum({
    spec: contract.model.spec,
    weights: at,
    features: table.features,
    labels: table.labels,
    rows: Int32Array.from({ length: ROWS }, (_, row) => row),
    clip: contract.privacy.clip,
    pieceRows: ROWS,
  });
  return sum.map((value) => -value);
}

/** The same, as it goes on the grid. */
const wholeDescent = async (sealed: SealedContract, at = weights): Promise<Int32Array> =>
  projectToGrid(await wholeSum(sealed, at), sealed.contract.grid);

const deviationOf = ({ contract }: SealedContract): number => mechanismOf(contract)?.deviation ?? 0;
const deviation = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

describe('where the enclave adds the noise, a hospital sends', () => {
  it('the sum of its clipped gradients, downhill, without noise of its own', async () => {
    const sealed = contractOf('enclave', EVERY_ROW);
    const { coordinates, weight, trainLoss } = await updateOf(sealed);
    expect(coordinates).toEqual(await wholeDescent(sealed));
    expect(coordinates.some((value) => Math.abs(value) > 1000)).toBe(true);
    expect([weight, trainLoss]).toEqual([1, 0]);
  });

  it('a sum beyond the bound as its projection: what rounds otherwise near the bound is no projection', async () => {
    const { contract } = contractOf('enclave', EVERY_ROW);
    let different = 0;
    for (let l2Bound = 700; l2Bound < 720; l2Bound++) {
      const grid = { ...contract.grid, l2Bound };
      const sealed = noisyContract('enclave', { ...contract, grid });
      const sum = await wholeSum(sealed);
      expect(Math.hypot(...sum) / 2 ** grid.stepLog2).toBeGreaterThan(l2Bound);
      const { coordinates } = await updateOf(sealed);
      expect(coordinates).toEqual(projectToGrid(sum, grid));
      if (must(toGrid(sum, grid)).join() !== coordinates.join()) different += 1;
    }
    expect(different).toBeGreaterThan(2);
  });

  it('zeros for an empty sample', async () => {
    expect(await updateOf(contractOf('enclave', EMPTY))).toEqual({
      weight: 1,
      trainLoss: 0,
      coordinates: new Int32Array(3),
    });
  });

  it('the sum of a Poisson sample: of varying size, each row as often as another', async () => {
    // Rows that all add the same, clipped, to the bias; the first half of them to one side, so that the two can be told apart.
    const clip = 0.3;
    const sealed = contractOf('enclave', { samplingRate: 0.3, records: 100 }, { privacy: { clip } });
    const labels = Float32Array.from({ length: ROWS }, (_, row) => (row < ROWS / 2 ? 1 : 0));
    const features = Float32Array.from({ length: 2 * ROWS }, (_, i) => (i % 2 === 0 && i < ROWS ? 100 : 0));
    const flat = { ...table, features, labels };
    const zero = new Float32Array(3);
    const step = 2 ** sealed.contract.grid.stepLog2;
    const counts: [number, number][] = [];
    for (let i = 0; i < 400; i++) {
      const { coordinates } = await updateOf(sealed, { ...parent(i), weights: zero }, { table: flat });
      const first = ((coordinates[0] ?? 0) * step) / clip;
      const second = (-(coordinates[2] ?? 0) * step) / clip + first / 100;
      counts.push([Math.round(first), Math.round(second)]);
    }
    for (const half of [0, 1] as const) {
      const sizes = counts.map((count) => count[half]);
      const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
      const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
      // 12 · 0.3 and 12 · 0.3 · 0.7, within four standard errors.
      expect(Math.abs(mean - 3.6)).toBeLessThan(0.32);
      expect(Math.abs(variance - 2.52)).toBeLessThan(0.72);
    }
    const total = counts.map(([a, b]) => a + b);
    expect(deviation(total.map((size) => size - 7.2))).toBeGreaterThan(1.9);
  });
});

describe('where hospitals add the noise, one sends', () => {
  it('its published number of records as weight, whatever it has, and no loss', async () => {
    const { weight, trainLoss } = await updateOf(contractOf('site', EVERY_ROW));
    expect([weight, trainLoss]).toEqual([16, 0]);
  });

  it('a sum with whole steps of noise of the promised deviation, over the published expectation', async () => {
    for (const privacy of [
      { clip: 0.75, noiseMultiplier: 2.1 },
      { clip: 0.02, noiseMultiplier: 0.4 },
    ]) {
      const sealed = contractOf('site', EVERY_ROW, { privacy });
      const noiseless = await wholeDescent(sealed);
      const noise: number[] = [];
      for (let i = 0; i < 400; i++) {
        const { coordinates } = await updateOf(sealed, parent(i));
        coordinates.forEach((value, at) => noise.push(value / UPDATE_STEPS - (noiseless[at] ?? 0)));
      }
      const promised = deviationOf(sealed);
      expect(noise.every(Number.isInteger)).toBe(true);
      expect(new Set(noise).size).toBeGreaterThan(noise.length / 20);
      // Four standard errors each.
      expect(Math.abs(deviation(noise) / promised - 1)).toBeLessThan(4 / Math.sqrt(2 * noise.length));
      const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
      expect(Math.abs(mean)).toBeLessThan((4 * promised) / Math.sqrt(noise.length));
    }
  });

  it('a full step of noise for an empty sample', async () => {
    const sealed = contractOf('site', EMPTY);
    const noise: number[] = [];
    for (let i = 0; i < 200; i++) noise.push(...(await updateOf(sealed, parent(i))).coordinates);
    expect(Math.abs(deviation(noise) / (UPDATE_STEPS * deviationOf(sealed)) - 1)).toBeLessThan(0.12);
  });

  it('noise of its own for every step', async () => {
    const sealed = contractOf('site', EMPTY, { training: { localSteps: 9 } });
    const noise: number[] = [];
    for (let i = 0; i < 200; i++) noise.push(...(await updateOf(sealed, parent(i))).coordinates);
    // √9 deviations; the same noise nine times would be 9.
    expect(Math.abs(deviation(noise) / (3 * UPDATE_STEPS * deviationOf(sealed)) - 1)).toBeLessThan(0.12);
  });

  it('a descent that goes on from where each step ends', async () => {
    const learningRate = 40;
    const training = { localSteps: 6, learningRate };
    const sealed = contractOf('site', EVERY_ROW, { privacy: { noiseMultiplier: 0.0005 }, training });
    expect(deviationOf(sealed)).toBe(2);
    const step = 2 ** sealed.contract.grid.stepLog2;
    const expected = Float64Array.from(weights);
    for (let i = 0; i < 6; i++) {
      (await wholeDescent(sealed, Float32Array.from(expected))).forEach((value, at) => {
        expected[at] = (expected[at] ?? 0) + (value * step * learningRate) / 16;
      });
    }
    const { coordinates } = await updateOf(sealed);
    expected.forEach((value, i) => {
      const moved = (value - (weights[i] ?? 0)) / step;
      expect(Math.abs(moved)).toBeGreaterThan(1000);
      expect(Math.abs((coordinates[i] ?? 0) - moved)).toBeLessThan(100);
    });
  });

  it('rows that are not finite as nothing, and tells its own log alone', async () => {
    const sealed = contractOf('site', EVERY_ROW, { training: { localSteps: 3 } });
    const broken = { ...table, features: table.features.slice() };
    broken.features.set([Number.NaN, 1, Infinity], 8);
    const told: number[] = [];
    const onNonFiniteRows = (rows: number): number => told.push(rows);
    await updateOf(sealed, parent(), { table: broken, onNonFiniteRows });
    await updateOf(sealed, parent(), { onNonFiniteRows });
    expect(told).toEqual([6]);
  });
});

describe('PROTOCOL §7.5: what the randomness follows from', () => {
  const site = contractOf('site', EMPTY);
  const sums = contractOf('enclave', { samplingRate: 0.5, records: 100 });
  const sent = async (...of: Parameters<typeof payloadOf>): Promise<string> => toHex(await payloadOf(...of));

  it.each([
    ['noise', site],
    ['sample', sums],
  ])('the same hospital, parent and data: identical bytes (%s)', async (_, sealed) => {
    expect(await sent(sealed)).toBe(await sent(sealed));
  });

  it('another hospital on the same data, another parent, other data: other noise', async () => {
    const [labels, features] = [table.labels.slice(), table.features.slice()];
    labels[23] = 0;
    features[47] = 0.5;
    const updates = await Promise.all([
      updateOf(site),
      updateOf(site, parent(), { secret: digestOf('of another hospital') }),
      updateOf(site, parent('another')),
      updateOf(site, parent(), { table: { ...table, labels } }),
      updateOf(site, parent(), { table: { ...table, features } }),
      updateOf(site, parent(), { trainer: { ...trainer, backend: 'another' } }),
    ]);
    // Samples are empty: these are noise and nothing else.
    for (const at of [0, 1, 2]) expect(new Set(updates.map(({ coordinates }) => coordinates[at])).size).toBe(6);
  });

  it('other terms: other noise, not the old one scaled', async () => {
    /** Samples are empty, so that an update is its noise times the learning rate over the expected batch. */
    const noiseOf = async (sealed: SealedContract, name: number): Promise<number[]> => {
      const plan = mechanismOf(sealed.contract)?.plan;
      if (plan === undefined) throw new Error('a contract with noise');
      const scale = sealed.contract.training.learningRate / expectedBatch(plan, [organisation]);
      return [...(await updateOf(sealed, parent(name))).coordinates].map((value) => value / scale);
    };
    const promised = deviationOf(site);
    const same = [
      contractOf('site', { ...EMPTY, records: 2 ** 19 }),
      contractOf('site', { samplingRate: 2 ** -18, records: 2 ** 19 }),
      contractOf('site', EMPTY, { privacy: { clip: 1.5, noiseMultiplier: 1.05045 } }),
      contractOf('site', EMPTY, { training: { learningRate: 16 } }),
    ];
    expect(same.map(deviationOf)).toEqual(same.map(() => promised));
    const drawn = await Promise.all([site, ...same].map((sealed) => noiseOf(sealed, 0)));
    for (const at of [0, 1, 2]) expect(new Set(drawn.map((noise) => Math.abs(noise[at] ?? 0))).size).toBe(5);

    // Of twice the deviation: from the same words the first draw would often agree modulo the deviation.
    const double = contractOf('site', EMPTY, { privacy: { noiseMultiplier: 4.2005 } });
    expect(deviationOf(double)).toBe(2 * promised);
    for (let step = 0; step < 60; step++) {
      const [[a = 0], [b = 0]] = [await noiseOf(site, step), await noiseOf(double, step)];
      expect((Math.abs(a) % promised) - (Math.abs(b) % promised)).not.toBe(0);
    }
  });

  it('a successor whose enclave adds other noise gets the same update again', async () => {
    const recalibrated = { ...sums.contract.privacy, noiseMultiplier: 3.7, epsilon: 0.8 } as NoisePlan;
    const successor = noisyContract('enclave', { ...sums.contract, rounds: 9, privacy: recalibrated });
    expect(await sent(successor)).toBe(await sent(sums));
  });

  it('other data: other samples', async () => {
    const one = { ...table, labels: table.labels.map((label, row) => (row === 23 ? 0 : label)) };
    const [a, b] = [await updateOf(sums), await updateOf(sums, parent(), { table: one })];
    const clip = 0.75 / 2 ** sums.contract.grid.stepLog2;
    // With the same sample, one changed label moves the sum by two clips at most.
    expect(Math.hypot(...a.coordinates.map((value, i) => value - (b.coordinates[i] ?? 0)))).toBeGreaterThan(2 * clip);
  });
});

it('the event loop turns during long private training', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  await payloadOf(contractOf('site', EVERY_ROW, { training: { localSteps: 1500 } }));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
});

describe('PROTOCOL §7.15: an update for a parent that was paid for', () => {
  it.each<[string, Change, boolean]>([
    ['free where it is the same bytes', {}, true],
    ['paid for again with the training secret of a new store', { secret: digestOf('a new store') }, false],
    ['paid for again where the data have changed', { table: tableOf(1) }, false],
  ])('is %s', async (_what, change, isSame) => {
    const sealed = noisyContract('site');
    const { events } = openMemoryStore();
    const payloads: string[] = [];
    for (const next of [{}, {}, change]) {
      const local = { sealed, organisation, trainer, table, secret: digestOf('secret'), ...next };
      // One start of the agent: the ledger file stays.
      const ledger = await openLedger(events, sealed, { binding: async () => paymentBinding(local) });
      await ledger.debit({ parent: parent().digest, round: 1 });
      payloads.push(toHex(await payloadOf(sealed, parent(), next)));
    }
    expect(new Set(payloads).size).toBe(isSame ? 1 : 2);
    expect((await readLedger(events)).entries).toHaveLength(new Set(payloads).size);
  });
});
