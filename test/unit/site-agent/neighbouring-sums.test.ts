import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ModelSpec } from '../../../lib/contract/model-spec.ts';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import type { FeatureTable } from '../../../lib/data/featurise.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { loadTrainer } from '../../../lib/learning/tfjs/load-trainer.ts';
import { decodeUpdate, SALT_BYTES } from '../../../lib/learning/update-codec.ts';
import { mechanismOf } from '../../../lib/privacy/mechanism.ts';
import { trainLocally } from '../../../site-agent/local-training.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { digestOf } from '../../support/test-contract.ts';

const trainer = await loadTrainer('wasm');

const layer = fc.record({
  units: fc.integer({ min: 1, max: 40 }),
  activation: fc.constantFrom('relu', 'tanh', 'sigmoid', 'linear'),
});
const output = fc.oneof(
  fc.constant({ units: 1, activation: 'sigmoid' as const }),
  fc.record({ units: fc.integer({ min: 2, max: 5 }), activation: fc.constant('softmax' as const) }),
);
const net: fc.Arbitrary<ModelSpec> = fc
  .record({ inputs: fc.integer({ min: 1, max: 12 }), hidden: fc.array(layer, { maxLength: 2 }), output })
  .map(({ inputs, hidden, output: last }) => ({
    kind: 'dense',
    inputs,
    layers: [...hidden, last],
    initial: { kind: 'zeros' },
  }));
/** Mostly features as they are; now and then huge, tiny or broken ones. */
const feature = fc.oneof(
  { weight: 30, arbitrary: fc.float({ min: -4, max: 4, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(1e30, -1e12, 1e-30, Number.NaN, Infinity) },
);

const cases = fc
  .record({
    spec: net,
    rows: fc.integer({ min: 1, max: 150 }),
    features: fc.infiniteStream(feature),
    weights: fc.infiniteStream(fc.float({ min: -2, max: 2, noNaN: true })),
    labels: fc.infiniteStream(fc.nat()),
    extraAt: fc.nat(),
    clip: fc.double({ min: 0.05, max: 3, noNaN: true }),
    stepLog2: fc.integer({ min: -14, max: -3 }),
    bound: fc.integer({ min: 4, max: 2 ** 20 }),
  })
  .map(({ spec, rows, features, weights, labels, extraAt, clip, stepLog2, bound }) => {
    const classes = Math.max(2, spec.layers.at(-1)?.units ?? 0);
    const take = <T>(stream: fc.Stream<T>, length: number): T[] => [...stream.take(length)];
    const drawn = Array.from({ length: rows }, () => ({
      features: take(features, spec.inputs),
      label: (take(labels, 1)[0] ?? 0) % classes,
    }));
    const usual = noisyContract('enclave').contract;
    const contract: SealedContract['contract'] = {
      ...usual,
      model: { ...usual.model, spec },
      privacy: noisePlan('enclave', { samplingRate: 1, clip }),
      grid: { stepLog2, coordinateBound: Math.ceil(bound / 2), weightCap: 1, l2Bound: bound },
    };
    const at = extraAt % rows;
    return {
      contract,
      weights: Float32Array.from(take(weights, layoutOf(spec).length)),
      more: tableOf(drawn),
      fewer: tableOf(drawn.filter((_, row) => row !== at)),
    };
  });

function tableOf(rows: readonly { readonly features: readonly number[]; readonly label: number }[]): FeatureTable {
  return {
    rows: rows.length,
    features: Float32Array.from(rows.flatMap(({ features }) => features)),
    labels: Float32Array.from(rows, ({ label }) => label),
    rawRowIndex: Uint32Array.from(rows.keys()),
  };
}

async function sumOf(
  contract: SealedContract['contract'],
  table: FeatureTable,
  weights: Float32Array,
): Promise<Int32Array> {
  const payload = await trainLocally(
    {
      sealed: { contract, bytes: new Uint8Array(0), digest: digestOf('contract') },
      organisation: organisationId('adler'),
      secret: digestOf('secret'),
      onNonFiniteRows: () => undefined,
      ...{ trainer, table },
    },
    { round: 0, digest: digestOf('parent'), weights },
  );
  const decoded = decodeUpdate(payload.subarray(SALT_BYTES), { layoutLength: weights.length, grid: contract.grid });
  if (!decoded.ok) throw new Error(decoded.error.detail);
  return decoded.value.coordinates;
}

it('one record more moves the sum that a hospital sends by the sensitivity at most', async () => {
  let closest = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ contract, weights, more, fewer }) => {
      const [a, b] = [await sumOf(contract, more, weights), await sumOf(contract, fewer, weights)];
      const apart = Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
      const sensitivity = mechanismOf(contract)?.sensitivity ?? 0;
      expect(apart).toBeLessThanOrEqual(sensitivity);
      closest = Math.max(closest, apart / sensitivity);
    }),
    { numRuns: 200 },
  );
  // Otherwise the noise would be wasted, or the cases too tame.
  expect(closest).toBeGreaterThan(0.9);
}, 60_000);
