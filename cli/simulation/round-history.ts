import { openStatement, type Certificate, type Intent } from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import type { RoundRecord } from '../report/run-summary.ts';
import type { FollowedStudy } from './follow-study.ts';
import type { FaultTrace } from '../faults/fault-director.ts';
import { faultsBehindAbsence } from '../faults/fault-outcome.ts';

interface Facts {
  readonly sites: readonly OrganisationId[];
  readonly followed: FollowedStudy;
  readonly faults: readonly FaultTrace[];
}

/** Every released round: who took part as the enclave signed it, who did not, and what the simulator measured. */
export function roundHistory({ followed, sites, faults }: Facts): RoundRecord[] {
  const { statements, study, troublesByRound, evaluations } = followed;
  const certificates = new Map<string, Certificate>();
  const intents = new Map<string, Intent>();
  const aborts = new Map<number, RoundRecord['aborted'][number][]>();
  const records: RoundRecord[] = [];
  const tookPart = (site: string, round: number): boolean =>
    records.some((record) => record.round === round && record.participants.includes(site));
  for (const bytes of statements) {
    const opened = openStatement(bytes);
    if (!opened.ok) throw new RefusalError(opened.error);
    const { statement, digest } = opened.value;
    if (statement.type === 'certificate') certificates.set(toHex(digest), statement);
    if (statement.type === 'intent') intents.set(toHex(digest), statement);
    if (statement.type === 'abort') {
      const { round, attempt, code } = statement;
      aborts.set(round, [...(aborts.get(round) ?? []), { attempt, code }]);
    }
    if (statement.type !== 'release') continue;
    const { round, attempt } = statement;
    const idsOf = (members: Certificate['members'] | Intent['members'] = []): string[] =>
      members.map(({ organisation }) => organisation).sort();
    const participants = idsOf(intents.get(toHex(statement.intent))?.members);
    const committed = idsOf(certificates.get(toHex(statement.certificate))?.members);
    const seen = study.rounds.find((other) => other.round === round);
    records.push({
      round,
      attempt,
      aborted: aborts.get(round) ?? [],
      testLogLoss: evaluations.get(round)?.logLoss ?? 0,
      testAuc: evaluations.get(round)?.aucPooled ?? null,
      ms: Math.round(seen?.ms ?? 0),
      participants,
      absent: sites
        .filter((site) => !participants.includes(site))
        .map((site) => {
          const asked = faultsBehindAbsence(faults, { site, round }, (earlier) => tookPart(site, earlier));
          const trouble = troublesByRound.get(round)?.get(site);
          return {
            site,
            why: whyAbsent(committed.includes(site), [...(trouble === undefined ? [] : [trouble]), ...asked]),
          };
        }),
    });
  }
  return records;
}

const whyAbsent = (committed: boolean, reasons: readonly string[]): string =>
  [committed ? 'no complete update before the deadline' : 'did not commit to the round', ...reasons].join('; ');
