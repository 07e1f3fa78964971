import { describe, expect, it } from 'vitest';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import type { FeatureTable } from '../../../lib/data/featurise.ts';
import { loadTrainer } from '../../../lib/learning/tfjs/load-trainer.ts';
import { SALT_BYTES } from '../../../lib/learning/update-codec.ts';
import { trainLocally } from '../../../site-agent/local-training.ts';
import type { SiteModel } from '../../../site-agent/state.ts';
import { digestOf, testContract } from '../../support/test-contract.ts';

const ROWS = 24;
const trainer = await loadTrainer('cpu');
const sealed = testContract({
  training: { optimizer: 'sgd', learningRate: 0.5, localSteps: 5, batchSize: 6, proximalMu: 0 },
});
const organisation = organisationId('adler');
const secret = digestOf('training secret');
const parent: SiteModel = { round: 1, digest: digestOf('parent'), weights: Float32Array.of(0.25, -0.5, 0.125) };

const tableOf = (shift: number): FeatureTable => ({
  rows: ROWS,
  features: Float32Array.from({ length: ROWS * 2 }, (_, i) => Math.sin(i + shift)),
  labels: Float32Array.from({ length: ROWS }, (_, i) => i % 2),
  rawRowIndex: Uint32Array.from({ length: ROWS }, (_, i) => i),
});

interface Change {
  readonly sealed?: SealedContract;
  readonly secret?: Uint8Array;
  readonly table?: FeatureTable;
}
const trained = ({ table = tableOf(0), ...change }: Change = {}, model = parent): Promise<Uint8Array> =>
  trainLocally({ sealed, organisation, trainer, secret, table, onNonFiniteRows: () => undefined, ...change }, model);
const saltOf = (payload: Uint8Array): string => toHex(payload.subarray(0, SALT_BYTES));
const plaintextOf = (payload: Uint8Array): string => toHex(payload.subarray(SALT_BYTES));

describe('PROTOCOL §7.5: identical bytes cost nothing again', () => {
  it('training again on the same parent, data and secret gives identical bytes', async () => {
    expect(toHex(await trained())).toBe(toHex(await trained()));
  });

  it('also under a successor contract with the same plan', async () => {
    const successor = testContract({ ...sealed.contract, rounds: 9 });
    expect(successor.digest).not.toEqual(sealed.digest);
    expect(toHex(await trained({ sealed: successor }))).toBe(toHex(await trained()));
  });

  it('another secret or parent gives other batches and another salt', async () => {
    const first = await trained();
    const others = [
      await trained({ secret: digestOf('of another store') }),
      await trained({}, { ...parent, digest: digestOf('another parent') }),
    ];
    expect(new Set([first, ...others].map(saltOf)).size).toBe(3);
    expect(new Set([first, ...others].map(plaintextOf)).size).toBe(3);
  });

  it('other data never share a salt, so that two commitments tell nothing of each other', async () => {
    const [first, second] = [await trained(), await trained({ table: tableOf(1) })];
    expect(plaintextOf(first)).not.toBe(plaintextOf(second));
    expect(saltOf(first)).not.toBe(saltOf(second));
  });
});
