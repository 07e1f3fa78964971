import { decodeBundle, type Publication } from '../lib/audit/passport-bundle.ts';
import { verifyPassport } from '../lib/audit/passport.ts';
import { openWithdrawal } from '../lib/contract/approval.ts';
import { openStatement } from '../lib/audit/statement.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import type { Digest, PublicKey } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import { decodeWeights, modelDigest } from '../lib/learning/weights.ts';
import type { SiteCommand, SiteCommandOf, SiteEvent } from './event.ts';
import type { SiteEnvironment, SiteState } from './state.ts';
import { receiveStatement } from './statement-phase.ts';

export type SiteDecision = Result<readonly SiteEvent[], Refusal>;

/**
 * The consent decider: what this hospital takes part in and what leaves it (PROTOCOL §6, §7). Pure. A refusal changes
 * nothing; `declined` is a decision to stay out of a round whose statement was genuine.
 */
export function decide(environment: SiteEnvironment, state: SiteState, command: SiteCommand): SiteDecision {
  switch (command.type) {
    case 'trust-boot-key':
      return ok(trustBootKey(state, command.bootKey));
    case 'trust-publication':
      return ok(trustPublication(state, command.publication));
    case 'receive-statement':
      return receiveStatement(environment, state, command);
    case 'finish-training':
      return finishTraining(environment, state, command);
    case 'receive-release':
      return receiveRelease(environment, state, command);
    case 'withdraw':
      return withdraw(environment, state, command);
    case 'accept-backup':
      return ok(state.behind === command.counter ? [{ type: 'backup-accepted', counter: command.counter }] : []);
  }
}

function trustBootKey(state: SiteState, bootKey: PublicKey): SiteEvent[] {
  const known = state.trustedBootKeys.some((key) => bytesEqual(key, bootKey));
  return known ? [] : [{ type: 'boot-key-trusted', bootKey }];
}

/** The first publication of a boot is kept; all of them are told again in every session. */
function trustPublication(state: SiteState, publication: Publication): SiteEvent[] {
  const trusted = trustBootKey(state, publication.bootKey);
  const kept = state.publications.has(toHex(publication.bootKey));
  return kept ? trusted : [...trusted, { type: 'publication-kept', publication }];
}

/** Announces the one update of this parent; another one for the same parent never leaves (PROTOCOL §7.5). */
function finishTraining(
  { layout }: SiteEnvironment,
  state: SiteState,
  { parent: trained, commit, payloadBytes }: SiteCommandOf<'finish-training'>,
): SiteDecision {
  if (state.withdrawal !== null) return err(refusal('E-SITE-WITHDRAWN'));
  if (state.activity.phase !== 'training') return err(refusal('E-ROUND-PHASE', 'no training was asked for'));
  const { parent } = state.activity.manifest.statement;
  if (!bytesEqual(parent, trained)) return err(refusal('E-ROUND-MANIFEST', 'the training was for an earlier model'));
  const header = {
    certificate: state.activity.certificate.digest,
    layout: layout.digest,
    length: payloadBytes,
    commit,
  };
  const ready = { type: 'update-ready', header } as const;
  const earlier = state.spent.get(toHex(parent));
  if (earlier === undefined) return ok([{ type: 'debited', parent, commit }, ready]);
  if (!bytesEqual(earlier, commit))
    return err(refusal('E-UPDATE-COMMITMENT', 'another update was announced for this model'));
  return ok([ready]);
}

/** Keeps the signed withdrawal; it is sent in every session, and nothing else is after it (PROTOCOL §6.3). */
function withdraw(
  { sealed, organisation }: SiteEnvironment,
  state: SiteState,
  { withdrawal }: SiteCommandOf<'withdraw'>,
): SiteDecision {
  const opened = openWithdrawal(withdrawal, { contract: sealed.contract, contractDigest: sealed.digest });
  if (!opened.ok) return opened;
  if (opened.value.document.organisation !== organisation) return err(refusal('E-ORG-IDENTITY', 'withdrawal'));
  return ok(state.withdrawal === null ? [{ type: 'withdrawn', withdrawal }] : []);
}

/** Checks passport, parent chain, own contribution and weights before the model is used (PROTOCOL §7.7). */
function receiveRelease(
  environment: SiteEnvironment,
  state: SiteState,
  command: SiteCommandOf<'receive-release'>,
): SiteDecision {
  const { sealed, layout, overlay, appraise, organisation } = environment;
  const bundle = decodeBundle(command.bundle);
  if (!bundle.ok) return bundle;
  const opened = openStatement(bundle.value.release);
  if (!opened.ok) return opened;
  const { statement } = opened.value;
  const invalid = (detail: string): SiteDecision => err(refusal('E-RELEASE-INVALID', detail));
  if (statement.type !== 'release') return invalid('no release in the bundle');
  if (statement.round === state.model.round && bytesEqual(statement.child, state.model.digest)) return ok([]);
  if (statement.round !== state.released.round || !bytesEqual(statement.child, state.released.digest)) {
    return invalid('it is not the newest release of the statement chain');
  }
  const known = state.chain[statement.counter];
  if (known === undefined || !bytesEqual(known, opened.value.digest))
    return invalid('its statement is not on the chain this hospital saw');
  if (!bytesEqual(bundle.value.contract, sealed.bytes)) return invalid('another contract');
  const report = verifyPassport(bundle.value, { organisationKeys: overlay.confirmedKeys, appraise });
  const failed = report.checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`);
  if (!report.passed) return invalid(failed.join('; ').slice(0, 2000));
  const own = ownContribution(bundle.value.intent, organisation);
  const sent = state.spent.get(toHex(statement.parent));
  if (own !== null && (sent === undefined || !bytesEqual(own, sent)))
    return invalid('it names an update that this hospital did not send');
  const weights = decodeWeights(command.weights, layout.length);
  if (!weights.ok) return weights;
  if (!bytesEqual(modelDigest(layout.digest, weights.value), statement.child))
    return invalid('the weights are not those of the passport');
  const model = { round: statement.round, digest: statement.child };
  return ok([{ type: 'model-received', model, received: { weights: weights.value, bundle: command.bundle } }]);
}

/** Commitment that the Intent attributes to this hospital; null when it was not in the accepted set. */
function ownContribution(intentBytes: Uint8Array, organisation: string): Uint8Array | null {
  const opened = openStatement(intentBytes);
  if (!opened.ok || opened.value.statement.type !== 'intent') return null;
  return opened.value.statement.members.find((member) => member.organisation === organisation)?.commit ?? null;
}

/**
 * Whether an enclave without weights is given the model that it asks for (PROTOCOL §7.1): the one that this hospital's own
 * successor contract goes on from, which every hospital of the contract before has; nothing else, and nothing once the
 * study has gone on.
 */
export function mayGiveModel(
  { sealed: { contract } }: SiteEnvironment,
  { model, withdrawal }: SiteState,
  wanted: Digest,
): boolean {
  if (contract.predecessor === null || withdrawal !== null) return false;
  return bytesEqual(wanted, contract.model.initialDigest) && bytesEqual(model.digest, wanted);
}
