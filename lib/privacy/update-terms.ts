import type { StudyContract } from '../contract/study-contract.ts';
import { encodeDocument } from '../contract/shapes.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';

/**
 * Names what an update was made under: two contracts with the same one ask a hospital for the same bytes on the same
 * model. null without noise, where no promise depends on it. The noise that the enclave adds is not the update's.
 */
export function updateTerms({ model, schema, training, grid, privacy }: StudyContract): Digest | null {
  if (privacy.placement === 'none') return null;
  const { placement, samplingRate, clip, noiseMultiplier, publicRecords } = privacy;
  const own = placement === 'site' ? { noiseMultiplier, publicRecords } : 'in the enclave';
  const terms = { spec: model.spec, schema, training, grid, placement, samplingRate, clip, own };
  return hash('update-terms', encodeDocument(terms));
}

/** Whether an update that was made under one contract keeps every promise of the other about noise. */
export function sameUpdateTerms(one: StudyContract, other: StudyContract): boolean {
  const [left, right] = [updateTerms(one), updateTerms(other)];
  return left?.join() === right?.join();
}
