import { openStatement } from '../../lib/audit/statement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { epsilonAfter, mechanismOf } from '../../lib/privacy/mechanism.ts';
import type { PrivacySummary, RunSummary } from '../report/run-summary.ts';

type Spent = Pick<RunSummary, 'epsilon' | 'epsilonBySite' | 'delta' | 'noise' | 'privacy'>;

/**
 * What the study has cost, recomputed from the signed statements: a hospital pays once for each model that it may have
 * trained on, which is each parent of a cohort certificate that names it, whether or not its update arrived.
 */
export function privacySpent({ contract }: SealedContract, statements: readonly Uint8Array[]): Spent {
  const ids = contract.organisations.map(({ id }) => id);
  const mechanism = mechanismOf(contract);
  if (mechanism === null) {
    const nothing = Object.fromEntries(ids.map((id) => [id, null]));
    return { epsilon: null, epsilonBySite: nothing, delta: null, noise: 'none', privacy: null };
  }
  const parents = trainedOn(statements);
  const roundsOf = (id: string): number => parents.get(id)?.size ?? 0;
  const epsilonBySite = Object.fromEntries(ids.map((id) => [id, epsilonAfter(mechanism, roundsOf(id))]));
  const { plan, stepsPerRound, sensitivity, deviation } = mechanism;
  const { unit, neighbouring, epsilon: target, delta, samplingRate, clip, noiseMultiplier, placement } = plan;
  const privacy: PrivacySummary = {
    ...{ unit, neighbouring, target, samplingRate, clip, noiseMultiplier, stepsPerRound, sensitivity, deviation },
    step: 2 ** contract.grid.stepLog2,
    publicRecords: Object.fromEntries(plan.publicRecords.map(({ organisation, records }) => [organisation, records])),
    roundsBySite: Object.fromEntries(ids.map((id) => [id, roundsOf(id)])),
  };
  return { epsilon: Math.max(...Object.values(epsilonBySite)), epsilonBySite, delta, noise: placement, privacy };
}

/** Digests of the parent models in whose cohort certificates each hospital stands. */
function trainedOn(statements: readonly Uint8Array[]): ReadonlyMap<string, ReadonlySet<string>> {
  const parentOf = new Map<string, string>();
  const parents = new Map<string, Set<string>>();
  for (const bytes of statements) {
    const opened = openStatement(bytes);
    if (!opened.ok) continue;
    const { statement, digest } = opened.value;
    if (statement.type === 'manifest') parentOf.set(toHex(digest), toHex(statement.parent));
    if (statement.type !== 'certificate') continue;
    const parent = parentOf.get(toHex(statement.manifest));
    if (parent === undefined) continue;
    for (const { organisation } of statement.members)
      parents.set(organisation, (parents.get(organisation) ?? new Set()).add(parent));
  }
  return parents;
}
