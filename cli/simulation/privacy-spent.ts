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
  const paid = trainedOn(statements);
  const roundsOf = (id: string, until = Infinity): number =>
    [...(paid.get(id)?.values() ?? [])].filter((round) => round <= until).length;
  const rounds = [...new Set([...paid.values()].flatMap((byParent) => [...byParent.values()]))].sort((a, b) => a - b);
  const spent = (until?: number): Record<string, number> =>
    Object.fromEntries(ids.map((id) => [id, epsilonAfter(mechanism, roundsOf(id, until))]));
  const epsilonBySite = spent();
  const { plan, stepsPerRound, sensitivity, deviation } = mechanism;
  const { unit, neighbouring, epsilon: target, delta, samplingRate, clip, noiseMultiplier, placement } = plan;
  const privacy: PrivacySummary = {
    ...{ unit, neighbouring, target, samplingRate, clip, noiseMultiplier, stepsPerRound, sensitivity, deviation },
    step: 2 ** contract.grid.stepLog2,
    publicRecords: Object.fromEntries(plan.publicRecords.map(({ organisation, records }) => [organisation, records])),
    roundsBySite: Object.fromEntries(ids.map((id) => [id, roundsOf(id)])),
    spentByRound: rounds.map((round) => ({ round, epsilonBySite: spent(round) })),
  };
  return { epsilon: Math.max(...Object.values(epsilonBySite)), epsilonBySite, delta, noise: placement, privacy };
}

/** For each hospital, the parent models (by digest) in whose cohort certificates it stands, and their rounds. */
function trainedOn(statements: readonly Uint8Array[]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const manifests = new Map<string, { readonly parent: string; readonly round: number }>();
  const paid = new Map<string, Map<string, number>>();
  for (const bytes of statements) {
    const opened = openStatement(bytes);
    if (!opened.ok) continue;
    const { statement, digest } = opened.value;
    if (statement.type === 'manifest')
      manifests.set(toHex(digest), { parent: toHex(statement.parent), round: statement.round });
    if (statement.type !== 'certificate') continue;
    const manifest = manifests.get(toHex(statement.manifest));
    if (manifest === undefined) continue;
    for (const { organisation } of statement.members)
      paid.set(
        organisation,
        (paid.get(organisation) ?? new Map<string, number>()).set(manifest.parent, manifest.round),
      );
  }
  return paid;
}
