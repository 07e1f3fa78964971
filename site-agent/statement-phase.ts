import { signAcknowledgement } from '../lib/audit/acknowledgement.ts';
import { follow, isOnChain } from '../lib/audit/chain.ts';
import { MAX_MEDIAN_SKEW_MS, medianSkewMs, openCohort, unmetCondition } from '../lib/audit/cohort.ts';
import { signCommit, type Commit } from '../lib/audit/commit.ts';
import { setRoot } from '../lib/audit/set-root.ts';
import {
  headOf,
  narrowStatement,
  openStatement,
  type Certificate,
  type Intent,
  type Manifest,
  type SignedStatement,
} from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { encodeCbor } from '../lib/core/cbor.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import type { Instant } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { SiteDecision } from './decider.ts';
import { forgottenCommit, forgottenUpdate } from './forgotten.ts';
import type { SiteCommandOf, SiteEvent } from './event.ts';
import type { SiteEnvironment, SiteState } from './state.ts';

type Received = SiteCommandOf<'receive-statement'>;

/** Accepts only statements of an attested boot key that link from the head; then decides what to answer. */
export function receiveStatement(environment: SiteEnvironment, state: SiteState, command: Received): SiteDecision {
  const opened = openStatement(command.statement);
  if (!opened.ok) return opened;
  const signed = opened.value;
  const { statement } = signed;
  if (!bytesEqual(statement.contract, environment.sealed.digest))
    return err(refusal('E-CHANNEL-CONTRACT', 'statement'));
  if (!state.trustedBootKeys.some((key) => bytesEqual(key, statement.bootKey))) {
    return err(refusal('E-STATEMENT-SIGNATURE', 'its boot key was never attested to this hospital'));
  }
  const followed = follow(state.chain, signed);
  if (!followed.ok) return followed;
  if (followed.value.repeated) return ok([]);
  const seen: SiteEvent = { type: 'statement-seen', statement: signed };
  const answered = answer(environment, state, { signed, command });
  return answered.ok ? ok([seen, ...answered.value]) : answered;
}

interface Context {
  readonly signed: SignedStatement;
  readonly command: Received;
}

/** A refusal here means that the statement itself is inadmissible; `declined` that this hospital stays out. */
function answer(environment: SiteEnvironment, state: SiteState, { signed, command }: Context): SiteDecision {
  const { type } = signed.statement;
  // A sealed result is finished, never given up: a copy of the enclave's state may release it (PROTOCOL §7.8).
  if (state.activity.phase === 'acknowledged' && type !== 'release')
    return err(refusal('E-STATEMENT-CHAIN', `a ${type} after an intent that this hospital acknowledged`));
  switch (type) {
    case 'genesis': {
      const { model, predecessor } = environment.sealed.contract;
      if (!bytesEqual(signed.statement.model, model.initialDigest))
        return err(refusal('E-STATEMENT-CHAIN', 'genesis names other initial weights'));
      return bytesEqual(encodeCbor(signed.statement.predecessor), encodeCbor(predecessor))
        ? ok([])
        : err(refusal('E-STATEMENT-CHAIN', 'genesis names another predecessor than the contract'));
    }
    case 'manifest':
      return answerManifest(environment, state, { manifest: narrowStatement(signed, type), command });
    case 'certificate':
      return answerCertificate(environment, state, { certificate: narrowStatement(signed, type), at: command.at });
    case 'intent':
      return answerIntent(environment, state, { intent: narrowStatement(signed, type), at: command.at });
    case 'release':
      if (
        !bytesEqual(signed.statement.parent, state.released.digest) ||
        signed.statement.round !== state.released.round + 1
      ) {
        return err(refusal('E-PARENT-REUSED', `release of round ${signed.statement.round}`));
      }
      return ok([{ type: 'round-ended', outcome: 'released' }]);
    case 'abort':
      return ok([{ type: 'round-ended', outcome: 'aborted' }]);
  }
}

const decline = (reason: Refusal): SiteDecision => ok([{ type: 'declined', refusal: reason }]);

interface ManifestContext {
  readonly manifest: SignedStatement<Manifest>;
  readonly command: Received;
}

/** Joins a round on the newest released model, under the contract's own privacy terms (PROTOCOL §7.3). */
function answerManifest(
  environment: SiteEnvironment,
  state: SiteState,
  { manifest, command }: ManifestContext,
): SiteDecision {
  const { sealed, organisation, signer, overlay } = environment;
  const { parent, round, commitBy, privacy } = manifest.statement;
  if (!bytesEqual(parent, state.released.digest) || round !== state.released.round + 1) {
    return err(refusal('E-PARENT-REUSED', `manifest of round ${round}`));
  }
  if (!bytesEqual(encodeCbor(privacy), encodeCbor(sealed.contract.privacy)))
    return err(refusal('E-ROUND-MANIFEST', 'privacy differs from the contract'));
  if (!command.live || commitBy <= command.at) return ok([]);
  if (state.withdrawal !== null) return decline(refusal('E-SITE-WITHDRAWN'));
  if (state.behind !== null) return decline(refusal('E-SITE-BEHIND'));
  if (!bytesEqual(state.model.digest, parent))
    return decline(refusal('E-ROUND-PHASE', 'the weights of the parent model are not here yet'));
  const { notBefore, notAfter } = sealed.contract.validity;
  if (command.at < notBefore || command.at >= notAfter) return decline(refusal('E-CONTRACT-EXPIRED'));
  // Before anybody waits for a hospital that will not train.
  if (command.unaffordable !== null) return decline(command.unaffordable);
  const commit = signCommit(
    {
      contract: sealed.digest,
      manifest: manifest.digest,
      organisation,
      head: headOf(manifest),
      minimum: Math.max(overlay.minimum, sealed.contract.kMin),
      requireCoParticipants: [...overlay.requireCoParticipants],
      at: command.at,
      collateral: { crlNumber: 0, tcbEvaluation: 0 },
    },
    signer,
  );
  return ok([{ type: 'committed', manifest, commit, endorsement: command.endorsement }]);
}

interface CertificateContext {
  readonly certificate: SignedStatement<Certificate>;
  readonly at: Instant;
}

/** This hospital checks the cohort itself before it trains (PROTOCOL §6.2, §7.4). */
function answerCertificate(environment: SiteEnvironment, state: SiteState, context: CertificateContext): SiteDecision {
  const { activity } = state;
  const { certificate } = context;
  if (activity.phase === 'committed' && !bytesEqual(certificate.statement.manifest, activity.manifest.digest))
    return err(refusal('E-ROUND-MANIFEST', 'certificate'));
  const forgotten = forgottenCommit(environment, state, certificate);
  if (forgotten.length > 0) return ok(forgotten);
  if (activity.phase !== 'committed') return ok([]);
  const own = certificate.statement.members.find(({ organisation }) => organisation === environment.organisation);
  if (own === undefined) return decline(refusal('E-COHORT-COMMIT', 'the own commit is missing'));
  if (!bytesEqual(own.commit, activity.commit))
    return decline(refusal('E-COHORT-COMMIT', 'the own commit was replaced'));
  const checked = checkCohort(environment, state, { ...context, manifest: activity.manifest });
  return checked.ok ? ok([{ type: 'cohort-accepted', certificate }]) : decline(checked.error);
}

interface CohortContext extends CertificateContext {
  readonly manifest: SignedStatement<Manifest>;
}

function checkCohort(
  environment: SiteEnvironment,
  state: SiteState,
  { certificate, manifest, at }: CohortContext,
): Result<null, Refusal> {
  const { sealed, overlay } = environment;
  const commits = openCohort(certificate.statement.members, {
    sealed,
    manifest: manifest.digest,
    knowsHead: (head) => isOnChain(state.chain, head),
    // Members are judged at the moment that the certificate states, which must be near this hospital's own.
    at: certificate.statement.at,
  });
  if (!commits.ok) return commits;
  const skewMs = Math.max(Math.abs(certificate.statement.at - at), medianSkewMs(commits.value, at));
  if (skewMs > MAX_MEDIAN_SKEW_MS) {
    return err(refusal('E-COHORT-TIME', '', { got: `${Math.round(skewMs / 1000)} s`, want: 'at most 600 s' }));
  }
  const confirmed = countConfirmed(
    environment,
    commits.value.map(({ organisation }) => organisation),
  );
  const want = Math.max(sealed.contract.kMin, overlay.minimum);
  if (confirmed < want)
    return err(refusal('E-COHORT-UNCONFIRMED', '', { got: String(confirmed), want: `at least ${want}` }));
  const newest = newestCollateral(commits.value);
  const stale = commits.value.find(
    ({ collateral: { crlNumber, tcbEvaluation } }) =>
      crlNumber < newest.crlNumber || tcbEvaluation < newest.tcbEvaluation,
  );
  if (stale !== undefined)
    return err(
      refusal('E-COHORT-COMMIT', `${stale.organisation} holds older collateral than the newest in the cohort`),
    );
  const unhappy = unmetCondition(commits.value);
  return unhappy === null ? ok(null) : err(refusal('E-COHORT-REQUIRED', `conditions of ${unhappy}`));
}

/** Members whose key this hospital has confirmed by telephone; keys in a contract prove nothing (PROTOCOL §6.2). */
function countConfirmed({ sealed, overlay }: SiteEnvironment, ids: readonly string[]): number {
  return sealed.contract.organisations.filter(({ id, key }) => {
    const pinned = overlay.confirmedKeys.get(id);
    return ids.includes(id) && pinned !== undefined && bytesEqual(pinned, key);
  }).length;
}

function newestCollateral(commits: readonly Commit[]): Commit['collateral'] {
  return {
    crlNumber: Math.max(...commits.map(({ collateral }) => collateral.crlNumber)),
    tcbEvaluation: Math.max(...commits.map(({ collateral }) => collateral.tcbEvaluation)),
  };
}

interface IntentContext {
  readonly intent: SignedStatement<Intent>;
  readonly at: Instant;
}

/** Acknowledges a result that this hospital is part of, after checking whose updates it holds (PROTOCOL §7.6). */
function answerIntent(environment: SiteEnvironment, state: SiteState, { intent, at }: IntentContext): SiteDecision {
  const forgotten = forgottenUpdate(environment, state, intent);
  if (forgotten.length > 0) return ok(forgotten);
  const { activity } = state;
  if (activity.phase !== 'uploading') return ok([]);
  const { sealed, organisation, signer, overlay } = environment;
  const { members } = intent.statement;
  if (!bytesEqual(intent.statement.certificate, activity.certificate.digest))
    return err(refusal('E-ROUND-MANIFEST', 'intent'));
  const own = members.find((member) => member.organisation === organisation);
  if (own === undefined) return ok([]);
  const refuse = (detail: string): SiteDecision => decline(refusal('E-ACK-INVALID', detail));
  if (!bytesEqual(own.commit, activity.header.commit))
    return refuse('the intent names another update of this hospital');
  const cohort = new Set<string>(activity.certificate.statement.members.map((member) => member.organisation));
  const ids = members.map((member) => member.organisation);
  if (new Set(ids).size !== ids.length || ids.some((id) => !cohort.has(id)))
    return refuse('a member is not in the cohort');
  if (!bytesEqual(setRoot(members), intent.statement.setRoot)) return refuse('the set root differs from the members');
  const confirmed = countConfirmed(environment, ids);
  const want = Math.max(sealed.contract.kMin, overlay.minimum);
  if (confirmed < want) {
    return decline(refusal('E-COHORT-UNCONFIRMED', 'intent', { got: String(confirmed), want: `at least ${want}` }));
  }
  const missing = [...overlay.requireCoParticipants, ...sealed.contract.requireSites].find((id) => !ids.includes(id));
  if (missing !== undefined) return decline(refusal('E-COHORT-REQUIRED', missing));
  const acknowledgement = signAcknowledgement(
    { contract: sealed.digest, intent: intent.digest, organisation, at },
    signer,
  );
  return ok([{ type: 'acknowledged', intent, acknowledgement }]);
}
