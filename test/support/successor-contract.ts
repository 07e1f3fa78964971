import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { releaseOf } from '../../lib/audit/predecessor.ts';
import { draftSuccessor, type SuccessorDraft } from '../../lib/contract/draft-successor.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import { must } from './study-in-memory.ts';
import { START } from './test-contract.ts';

/** The successor of `previous` after the release in `bundle`; `change` replaces terms, or the release itself. */
export function successorOf(
  previous: SealedContract,
  bundle: Uint8Array,
  change: Partial<SuccessorDraft> = {},
): SealedContract {
  const release = must(releaseOf(must(decodeBundle(bundle))));
  const { appraisal } = previous.contract;
  return must(draftSuccessor({ previous, release, appraisal, at: START, rounds: 3, ...change }));
}

/** For `beginAnew`: fresh weights of `seed`. */
export function freshStart(
  { contract: { model } }: SealedContract,
  seed = 7,
): NonNullable<SuccessorDraft['beginAnew']> {
  const initial = { kind: 'glorot-uniform', seed } as const;
  return { initial, initialDigest: modelDigest(model.layoutDigest, initialWeights({ ...model.spec, initial })) };
}
