import { findOrganisation, openApproval } from '../contract/approval.ts';
import { openEndorsement } from '../contract/endorsement.ts';
import type { Head } from '../contract/shapes.ts';
import type { SealedContract } from '../contract/study-contract.ts';
import { bytesEqual } from '../core/bytes.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import { instant, type Digest, type Instant, type OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { openCommit, type Commit } from './commit.ts';
import type { CohortMember } from './statement.ts';

/** PROTOCOL §2.6: a cohort whose median clock is further than this from one's own is refused. */
export const MAX_MEDIAN_SKEW_MS = 10 * 60_000;

export interface MemberContext {
  readonly sealed: SealedContract;
  /** Digest of the manifest that the commit must answer. */
  readonly manifest: Digest;
  /** Whether a commit's head is a statement that the checking party knows. */
  readonly knowsHead: (head: Head) => boolean;
  readonly at: Instant;
}

export interface OpenedMember {
  readonly commit: Commit;
  /** First moment at which the approval or the endorsement behind the commit has expired. */
  readonly validUntil: Instant;
}

/** The commit of one member, after every check that makes it count (PROTOCOL §7.3–7.4). */
export function openMember(member: CohortMember, context: MemberContext): Result<OpenedMember, Refusal> {
  const { sealed, at } = context;
  const named = findOrganisation(sealed.contract, member.organisation);
  if (!named.ok) return named;
  const approval = openApproval(member.approval, { sealed, at });
  if (!approval.ok) return approval;
  const endorsement = openEndorsement(member.endorsement, {
    contract: sealed.contract,
    contractDigest: sealed.digest,
    at,
  });
  if (!endorsement.ok) return endorsement;
  const commit = openCommit(member.commit);
  if (!commit.ok) return commit;
  const { document } = commit.value;
  const refuse = (why: string): Result<never, Refusal> =>
    err(refusal('E-COMMIT-INVALID', `${member.organisation}: ${why}`));
  if (approval.value.document.organisation !== member.organisation) return refuse('approval of another organisation');
  if (endorsement.value.document.organisation !== member.organisation)
    return refuse('endorsement of another organisation');
  if (document.organisation !== member.organisation) return refuse('commit of another organisation');
  if (!bytesEqual(endorsement.value.document.bootKey, document.bootKey))
    return refuse('signed by a key that is not endorsed');
  if (!bytesEqual(document.contract, sealed.digest)) return refuse('another contract');
  if (!bytesEqual(document.manifest, context.manifest)) return refuse('another manifest');
  if (!context.knowsHead(document.head)) return refuse('its head is not on the statement chain');
  if (!collateralFits(sealed, document)) return refuse('it names collateral that its platform does not have');
  const expiries = [approval.value.document.expires, endorsement.value.document.expires];
  return ok({ commit: document, validUntil: instant(Math.min(...expiries)) });
}

/** A platform without revocation lists has none that could be newer than another's: the number would be made up. */
function collateralFits({ contract }: SealedContract, { collateral: { crlNumber, tcbEvaluation } }: Commit): boolean {
  const none = contract.appraisal.site.platforms.every((platform) => platform === 'simulated');
  return !none || (crlNumber === 0 && tcbEvaluation === 0);
}

/** Every member of a cohort certificate, checked; at most one commit for each organisation, clocks that agree. */
export function openCohort(
  members: readonly CohortMember[],
  context: MemberContext,
): Result<readonly Commit[], Refusal> {
  const commits: Commit[] = [];
  for (const member of members) {
    const opened = openMember(member, context);
    if (!opened.ok) return err(refusal('E-COHORT-COMMIT', opened.error.detail));
    const { commit } = opened.value;
    if (commits.some(({ organisation }) => organisation === commit.organisation)) {
      return err(refusal('E-COHORT-COMMIT', `${commit.organisation} stands twice`));
    }
    commits.push(commit);
  }
  const skewMs = medianSkewMs(commits, context.at);
  if (skewMs > MAX_MEDIAN_SKEW_MS) {
    return err(refusal('E-COHORT-TIME', '', { got: `${Math.round(skewMs / 1000)} s`, want: 'at most 600 s' }));
  }
  return ok(commits);
}

/** How far the median commit time is from the clock of the checking party, in milliseconds (PROTOCOL §2.6). */
export function medianSkewMs(commits: readonly Commit[], at: Instant): number {
  return Math.abs(median(commits.map((commit) => commit.at)) - at);
}

/** The first organisation whose own conditions the set does not meet, or null (PROTOCOL §7.6). */
export function unmetCondition(commits: readonly Commit[]): OrganisationId | null {
  const present = new Set<string>(commits.map(({ organisation }) => organisation));
  const unhappy = commits.find(
    ({ minimum, requireCoParticipants }) =>
      present.size < minimum || requireCoParticipants.some((id) => !present.has(id)),
  );
  return unhappy?.organisation ?? null;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
