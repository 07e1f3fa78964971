import { openApproval } from '../lib/contract/approval.ts';
import { MAX_MEDIAN_SKEW_MS, medianSkewMs, openMember, unmetCondition } from '../lib/audit/cohort.ts';
import { headOf, issueStatement, type CohortMember } from '../lib/audit/statement.ts';
import { isOnChain } from '../lib/audit/chain.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { refusal, type ErrorCode } from '../lib/core/errors.ts';
import type { Instant } from '../lib/core/ids.ts';
import { err, ok } from '../lib/core/result.ts';
import type { Decision } from './decider.ts';
import type { CommandOf } from './event.ts';
import { evolve } from './evolve.ts';
import { ledgerOf } from '../lib/privacy/mechanism.ts';
import { abortRound } from './release-phase.ts';
import { headOfState, type AcceptedCommit, type EnclaveEnvironment, type EnclaveState } from './state.ts';

/** Attempts that a coordinator may skip; without a bound one request could use up all that can be counted. */
const MAX_SKIPPED = 1000;

/**
 * Starts an attempt on the newest model: signs the Manifest (PROTOCOL §7.2). Asking for the attempt that runs changes
 * nothing, however far it is: a coordinator that lost its disk begins by asking.
 */
export function openRound(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  command: CommandOf<'open-round'>,
): Decision {
  const { sealed, signer, mechanism } = environment;
  const { contract } = sealed;
  const { at, round, attempt } = command;
  if (state.phase === 'unborn') return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  if ('manifest' in state && state.manifest.statement.round === round) {
    if (state.manifest.statement.attempt === attempt) return ok([]);
    if (state.manifest.statement.attempt < attempt) return supersede(environment, state, command);
  }
  if (state.phase !== 'idle' && state.phase !== 'released' && state.phase !== 'aborted') {
    return err(refusal('E-ROUND-PHASE', `cannot open a round while one is ${state.phase}`));
  }
  const { model, attempts, approvals, withdrawn } = state.ledger;
  if (model.round >= contract.rounds) return err(refusal('E-ROUND-FINISHED'));
  if (at < contract.validity.notBefore || at >= contract.validity.notAfter) return err(refusal('E-CONTRACT-EXPIRED'));
  if (round <= model.round) return err(refusal('E-PARENT-REUSED', `round ${round} is released`));
  // Attempts may skip numbers: the coordinator counts those that never reached this enclave.
  if (round !== model.round + 1 || attempt <= attempts || attempt > attempts + MAX_SKIPPED) {
    const want = `${model.round + 1}/${attempts + 1} or one of the next ${MAX_SKIPPED} attempts`;
    return err(refusal('E-ROUND-MANIFEST', '', { got: `${round}/${attempt}`, want }));
  }
  const willing = [...approvals].filter(
    ([id, approval]) => !withdrawn.has(id) && openApproval(approval, { sealed, at }).ok,
  ).length;
  if (willing < contract.kMin) {
    return err(refusal('E-APPROVALS-MISSING', '', { got: String(willing), want: `at least ${contract.kMin}` }));
  }
  if (model.content === null) return err(refusal('E-MODEL-WANTED'));
  const draft = {
    type: 'manifest',
    contract: sealed.digest,
    at,
    round,
    attempt,
    parent: model.digest,
    privacy: contract.privacy,
    ledger: ledgerOf(mechanism, round),
    commitBy: (at + contract.deadlines.commitMs) as typeof at,
  } as const;
  return ok([{ type: 'statement-issued', statement: issueStatement(draft, headOfState(state), signer) }]);
}

/** The coordinator gave the running attempt up, and what it said then was lost: it ends now, before the next begins. */
function supersede(environment: EnclaveEnvironment, state: EnclaveState, command: CommandOf<'open-round'>): Decision {
  const aborted = abortRound(environment, state, { at: command.at, code: 'E-ROUND-STOPPED' });
  if (!aborted.ok) return aborted;
  const after = aborted.value.reduce((now, event) => evolve(environment, now, event), state);
  const opened = openRound(environment, after, command);
  return opened.ok ? ok([...aborted.value, ...opened.value]) : opened;
}

/** A commit counts when everything behind it checks out now; the site will check it again in the certificate. */
export function receiveCommit(
  { sealed }: EnclaveEnvironment,
  state: EnclaveState,
  command: CommandOf<'receive-commit'>,
): Decision {
  const { from, commit, endorsement, at } = command;
  // A site that reconnects sends again what it may have sent before.
  const standing = 'commits' in state ? state.commits.get(from)?.member.commit : undefined;
  if (standing !== undefined && bytesEqual(standing, commit)) return ok([]);
  if (state.phase !== 'open') return err(refusal('E-ROUND-PHASE', 'no round is open for commits'));
  const { ledger, manifest, commits } = state;
  if (ledger.withdrawn.has(from)) return err(refusal('E-SITE-WITHDRAWN', from));
  const approval = ledger.approvals.get(from);
  if (approval === undefined) return err(refusal('E-ORG-NOT-APPROVED', from));
  const member: CohortMember = { organisation: from, commit, endorsement, approval };
  if (commits.has(from)) return err(refusal('E-COMMIT-DUPLICATE', from));
  const opened = openMember(member, {
    sealed,
    manifest: manifest.digest,
    knowsHead: (head) => isOnChain(ledger.chain, head),
    at,
  });
  if (!opened.ok) return opened;
  if (!bytesEqual(opened.value.commit.head.digest, manifest.digest)) {
    return err(refusal('E-COMMIT-INVALID', `${from}: its head is not this manifest`));
  }
  return ok([{ type: 'commit-accepted', member, ...opened.value }]);
}

/**
 * Signs the cohort certificate, or aborts when the cohort is too small for the contract or one of its members. What
 * would not verify at the time that the certificate states stays out: no passport could ever be accepted with it.
 */
export function lockCohort(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  { at }: CommandOf<'lock-cohort'>,
): Decision {
  if (state.phase === 'locked' || state.phase === 'collecting') return ok([]);
  if (state.phase !== 'open') return err(refusal('E-ROUND-PHASE', 'no round is open'));
  const { sealed, signer } = environment;
  const members = satisfied(
    [...state.commits.values()].filter(
      ({ commit, validUntil }) => !state.ledger.withdrawn.has(commit.organisation) && validUntil > at,
    ),
  );
  const short = shortfall(environment, members) ?? clockFault(members, at);
  if (short !== null) return abortRound(environment, state, { at, code: short });
  const { round, attempt } = state.manifest.statement;
  const draft = {
    type: 'certificate',
    contract: sealed.digest,
    at,
    round,
    attempt,
    manifest: state.manifest.digest,
    members: members.map(({ member }) => member).sort((a, b) => (a.organisation < b.organisation ? -1 : 1)),
  } as const;
  return ok([{ type: 'statement-issued', statement: issueStatement(draft, headOf(state.manifest), signer) }]);
}

/** Members whose own conditions the rest does not meet stay out, so that one hospital's wish cannot stop the others. */
function satisfied(members: readonly AcceptedCommit[]): readonly AcceptedCommit[] {
  const unhappy = unmetCondition(members.map(({ commit }) => commit));
  return unhappy === null ? members : satisfied(members.filter(({ commit }) => commit.organisation !== unhappy));
}

/** Its sites would refuse a certificate that states another time than theirs (PROTOCOL §2.6). */
function clockFault(members: readonly AcceptedCommit[], at: Instant): ErrorCode | null {
  const commits = members.map(({ commit }) => commit);
  return medianSkewMs(commits, at) > MAX_MEDIAN_SKEW_MS ? 'E-COHORT-TIME' : null;
}

/** Why this set of members may not be released, or null (PROTOCOL §7.6). */
export function shortfall(
  { sealed: { contract } }: EnclaveEnvironment,
  members: readonly AcceptedCommit[],
): ErrorCode | null {
  const ids = new Set<string>(members.map(({ commit }) => commit.organisation));
  if (ids.size < contract.kMin) return 'E-COHORT-TOO-SMALL';
  if (contract.requireSites.some((id) => !ids.has(id))) return 'E-COHORT-REQUIRED';
  return unmetCondition(members.map(({ commit }) => commit)) === null ? null : 'E-COHORT-REQUIRED';
}
