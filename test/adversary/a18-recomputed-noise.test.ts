import { describe, expect, it } from 'vitest';
import { centralNoise } from '../../aggregator-enclave/central-noise.ts';
import type { EnclaveEnvironment } from '../../aggregator-enclave/state.ts';
import { decodeBundle, type PassportBundle } from '../../lib/audit/passport-bundle.ts';
import { openStatements, statementsInOrder } from '../../lib/audit/passport-statements.ts';
import { openContract } from '../../lib/contract/study-contract.ts';
import { fromHex, toHex } from '../../lib/core/bytes.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import { hash } from '../../lib/core/hash.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { decodeWeights } from '../../lib/learning/weights.ts';
import { expectedBatch, mechanismOf } from '../../lib/privacy/mechanism.ts';
import { noisyContract } from '../support/noisy-contract.ts';
import { MemoryStudy, must } from '../support/study-in-memory.ts';
import { digestOf } from '../support/test-contract.ts';

/**
 * PROTOCOL §8, A18: anyone recomputes the central noise from a passport, takes it away and holds the exact sum of the
 * clipped gradients. The attacker has the passport bundle and both models of a round, and knows every line of the code:
 * all that enters the noise is in its hands but `NOISE_ROOT`. Real deciders.
 */
const sealed = noisyContract('enclave');

interface Loot {
  readonly bundle: PassportBundle;
  readonly parent: Float32Array;
  readonly child: Float32Array;
}

/** Round 1, as every hospital and every reader of its passport sees it; and the sum that nobody may see. */
function round(): { loot: Loot; enclave: EnclaveEnvironment; secretSum: readonly number[] } {
  const study = new MemoryStudy(sealed);
  const parent = must(decodeWeights(study.enclave.weights(), study.enclave.environment.layout.length));
  study.open(1);
  study.commit();
  study.lock();
  study.upload();
  const { state, environment } = study.enclave;
  if (state.phase !== 'collecting') throw new Error('not collecting');
  const secretSum = [...state.sum.coordinates];
  study.close();
  study.acknowledge();
  const child = must(decodeWeights(study.enclave.weights(), environment.layout.length));
  return {
    loot: { bundle: must(decodeBundle(study.enclave.bundle())), parent, child },
    enclave: environment,
    secretSum,
  };
}

/** Gives the released step with the noise of a root taken away, in steps of the grid. */
function denoiser({ bundle, parent, child }: Loot): (root: Uint8Array) => number[] {
  const { intent, manifest } = must(openStatements(bundle));
  const contract = must(openContract(bundle.contract));
  const mechanism = mechanismOf(contract.contract);
  if (mechanism === null) throw new Error('the passport is of a round without noise');
  const { grid, training, strategy, model } = contract.contract;
  const layout = layoutOf(model.spec);
  const ids = intent.statement.members.map(({ organisation }) => organisation);
  const rate = training.learningRate * strategy.serverLearningRate * 2 ** grid.stepLog2;
  const scale = rate / expectedBatch(mechanism.plan, ids);
  const draw = { mechanism, parent: manifest.statement.parent, setRoot: intent.statement.setRoot };
  return (noiseRoot) => {
    // What an outsider cannot know of an enclave's environment does not enter the noise.
    const noise = centralNoise({ sealed: contract, layout, noiseRoot } as EnclaveEnvironment, draw);
    return Array.from(child, (weight, i) => (weight - (parent[i] ?? 0)) / scale - (noise[i] ?? 0));
  };
}

/** The exact sum has whole coordinates; float32 weights show them to within half a step. */
const isSum = (candidate: readonly number[], sum: readonly number[]): boolean =>
  candidate.every((value, i) => Math.abs(value - (sum[i] ?? 0)) < 0.5);

/** Every 32 bytes that stand in the bundle, at any place, and what somebody might hash them to. */
function candidates({ bundle }: Loot): Uint8Array[] {
  const text = toHex(encodeCbor(bundle));
  const found = new Set<string>();
  const statements = must(openStatements(bundle));
  const fields = statementsInOrder(statements).flatMap(({ statement, digest }) => [
    ...Object.values<unknown>(statement),
    digest,
  ]);
  for (const value of fields) if (value instanceof Uint8Array && value.length === 32) found.add(toHex(value));
  for (let at = 0; at + 64 <= Math.min(text.length, 6_000); at += 2) found.add(text.slice(at, at + 64));
  const roots = [...found].flatMap((hex) => fromHex(hex) ?? []);
  const hashed = roots.slice(0, 200).map((root) => hash('noise-root', root));
  return [...roots, ...hashed, new Uint8Array(32), new Uint8Array(0)];
}

describe('PROTOCOL §8, A18: somebody who recomputes the noise', () => {
  const { loot, enclave, secretSum } = round();
  const denoised = denoiser(loot);

  it('has the exact sum as soon as NOISE_ROOT is known: the attack works', () => {
    expect(isSum(denoised(enclave.noiseRoot), secretSum)).toBe(true);
  });

  it('has nothing with anything that stands in the passport, its hashes included', () => {
    const tried = candidates(loot);
    expect(tried.length).toBeGreaterThan(2_000);
    expect(tried.some((root) => isSum(denoised(root), secretSum))).toBe(false);
  });

  it('has only the hash of NOISE_ROOT, and the root itself in no document', () => {
    const root = toHex(enclave.noiseRoot);
    const { genesis } = must(openStatements(loot.bundle));
    expect(toHex(genesis.statement.noiseRoot)).toBe(toHex(hash('noise-root', enclave.noiseRoot)));
    expect(toHex(encodeCbor(loot.bundle))).not.toContain(root);
  });

  it('is left with noise of the contract’s deviation around the sum', () => {
    const mechanism = mechanismOf(sealed.contract);
    const residue = denoised(digestOf('a guess')).map((value, i) => Math.abs(value - (secretSum[i] ?? 0)));
    // Two draws that have nothing to do with each other; never both small in all coordinates.
    expect(Math.max(...residue)).toBeGreaterThan((mechanism?.deviation ?? Infinity) / 10);
  });
});
