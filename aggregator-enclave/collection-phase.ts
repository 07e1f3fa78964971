import { resultCommitment } from '../lib/audit/passport.ts';
import type { UpdateHeader } from '../lib/audit/session-message.ts';
import { setRoot, sortContributions } from '../lib/audit/set-root.ts';
import { headOf, issueStatement } from '../lib/audit/statement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { refusal } from '../lib/core/errors.ts';
import type { Contribution } from '../lib/audit/statement.ts';
import type { Digest, OrganisationId } from '../lib/core/ids.ts';
import { err, ok } from '../lib/core/result.ts';
import { averageDelta, type IntegerSum } from '../lib/learning/integer-sum.ts';
import { stepModel } from '../lib/learning/strategy.ts';
import {
  decodeUpdate,
  plaintextBytes,
  SALT_BYTES,
  updateCommitment,
  type DecodedUpdate,
} from '../lib/learning/update-codec.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import { shortfall } from './cohort-phase.ts';
import type { NoisePlan } from '../lib/contract/privacy-plan.ts';
import { expectedBatch, plannedWeight } from '../lib/privacy/mechanism.ts';
import { centralNoise } from './central-noise.ts';
import type { Decision } from './decider.ts';
import type { CommandOf } from './event.ts';
import { abortRound } from './release-phase.ts';
import type { AcceptedCommit, Collecting, EnclaveEnvironment, EnclaveState, ModelContent } from './state.ts';

const noCollection = (): Decision => err(refusal('E-ROUND-PHASE', 'no round is collecting updates'));

/** The first header of a member fixes what it may upload; the same one again is harmless (PROTOCOL §7.5). */
export function receiveHeader(
  { layout }: EnclaveEnvironment,
  state: EnclaveState,
  { from, header }: CommandOf<'receive-header'>,
): Decision {
  if (state.phase !== 'locked' && state.phase !== 'collecting') return noCollection();
  if (!isMember(state, from)) return err(refusal('E-ORG-UNKNOWN', `${from} is not in the cohort`));
  if (state.ledger.withdrawn.has(from)) return err(refusal('E-SITE-WITHDRAWN', from));
  const earlier = state.headers.get(from);
  if (earlier !== undefined) return sameHeader(earlier, header) ? ok([]) : err(refusal('E-UPDATE-COMMITMENT', from));
  if (!bytesEqual(header.certificate, state.certificate.digest))
    return err(refusal('E-ROUND-MANIFEST', 'another certificate'));
  if (!bytesEqual(header.layout, layout.digest)) return err(refusal('E-UPDATE-SHAPE', 'another parameter layout'));
  const want = SALT_BYTES + plaintextBytes(layout.length);
  if (header.length !== want) {
    return err(refusal('E-UPDATE-SHAPE', 'length', { got: String(header.length), want: String(want) }));
  }
  return ok([{ type: 'header-accepted', organisation: from, header }]);
}

/** Only a complete update that matches its header and every bound of the grid touches the sum (PROTOCOL §7.5). */
export function receiveUpdate(
  { layout, sealed, mechanism }: EnclaveEnvironment,
  state: EnclaveState,
  { from, payload }: CommandOf<'receive-update'>,
): Decision {
  if (state.phase !== 'locked' && state.phase !== 'collecting') return noCollection();
  if (state.ledger.withdrawn.has(from)) return err(refusal('E-SITE-WITHDRAWN', from));
  const header = state.headers.get(from);
  if (header === undefined) return err(refusal('E-UPDATE-COMMITMENT', `${from}: an update before its header`));
  if (payload.length !== header.length) {
    return err(refusal('E-UPDATE-SHAPE', 'length', { got: String(payload.length), want: String(header.length) }));
  }
  const salt = payload.subarray(0, SALT_BYTES);
  const plaintext = payload.subarray(SALT_BYTES);
  if (!bytesEqual(updateCommitment(salt, plaintext), header.commit)) return err(refusal('E-UPDATE-COMMITMENT', from));
  if (state.accepted.has(from)) return ok([]);
  const update = decodeUpdate(plaintext, { layoutLength: layout.length, grid: sealed.contract.grid });
  if (!update.ok) return update;
  const beyond = mechanism === null ? null : unplannedDisclosure(mechanism.plan, from, update.value);
  if (beyond !== null) return err(refusal('E-UPDATE-BOUND', beyond));
  return ok([{ type: 'update-accepted', organisation: from, commit: header.commit, update: update.value }]);
}

/** With noise nothing that an update says may depend on the data but its coordinates; null: nothing does. */
function unplannedDisclosure(plan: NoisePlan, from: OrganisationId, update: DecodedUpdate): string | null {
  if (update.weight !== plannedWeight(plan, from)) return 'weight: not the one that the contract publishes';
  return update.trainLoss === 0 ? null : 'training loss: not to be told under a contract with noise';
}

/** Computes and seals the result, then signs the Intent; aborts when too few valid updates came (PROTOCOL §7.6). */
export function closeCollection(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  { at, salt }: CommandOf<'close-collection'>,
): Decision {
  if (state.phase === 'committed') return ok([]);
  if (state.phase !== 'locked' && state.phase !== 'collecting') return noCollection();
  const { sealed, signer } = environment;
  const short = shortfall(environment, acceptedCommits(state));
  if (short !== null) return abortRound(environment, state, { at, code: short });
  const members = sortContributions([...state.accepted.values()]);
  const { content, digest } = finishedModel(environment, state, members);
  const { round, attempt } = state.manifest.statement;
  const draft = {
    type: 'intent',
    contract: sealed.digest,
    at,
    round,
    attempt,
    certificate: state.certificate.digest,
    setRoot: setRoot(members),
    members,
    result: resultCommitment(salt, digest),
  } as const;
  const statement = issueStatement(draft, headOf(state.certificate), signer);
  const model = { round, digest, fixedBy: statement.digest, content };
  return ok([{ type: 'result-sealed', result: { model, salt }, statement }]);
}

function finishedModel(
  environment: EnclaveEnvironment,
  { ledger, sum }: Collecting,
  members: readonly Contribution[],
): { content: ModelContent; digest: Digest } {
  const { sealed, layout } = environment;
  const parent = ledger.model.content;
  // No round opens without it.
  if (parent === null) throw new Error('a collection on a model that is not in memory');
  const { weights, state: server } = stepModel({
    plan: sealed.contract.strategy,
    parent: parent.weights,
    averageDelta:
      noisedDelta(environment, { sum, parent: ledger.model.digest, members }) ??
      averageDelta(sum, sealed.contract.grid),
    state: parent.server,
  });
  return { content: { weights, server }, digest: modelDigest(layout.digest, weights) };
}

interface Collected {
  readonly sum: IntegerSum;
  readonly parent: Digest;
  readonly members: readonly Contribution[];
}

/**
 * The step down the noised mean gradient, in parameter units: sums and noise are integers, divided by the expected batch
 * that the contract publishes. null: this enclave adds no noise.
 */
function noisedDelta(environment: EnclaveEnvironment, { sum, parent, members }: Collected): Float64Array | null {
  const { mechanism, sealed } = environment;
  if (mechanism?.plan.placement !== 'enclave') return null;
  const noise = centralNoise(environment, { mechanism, parent, setRoot: setRoot(members) });
  const { grid, training } = sealed.contract;
  const ids = members.map(({ organisation }) => organisation);
  const scale = (training.learningRate * 2 ** grid.stepLog2) / expectedBatch(mechanism.plan, ids);
  return sum.coordinates.map((total, i) => (total + (noise[i] ?? 0)) * scale);
}

function acceptedCommits({ accepted, commits }: Collecting): AcceptedCommit[] {
  return [...commits.values()].filter(({ commit }) => accepted.has(commit.organisation));
}

function isMember({ certificate }: Collecting, id: string): boolean {
  return certificate.statement.members.some(({ organisation }) => organisation === id);
}

function sameHeader(a: UpdateHeader, b: UpdateHeader): boolean {
  const pairs = [
    [a.certificate, b.certificate],
    [a.layout, b.layout],
    [a.commit, b.commit],
  ] as const;
  return a.length === b.length && pairs.every(([left, right]) => bytesEqual(left, right));
}
