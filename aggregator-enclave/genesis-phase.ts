import { verifyPredecessor } from '../lib/audit/predecessor.ts';
import { issueStatement } from '../lib/audit/statement.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import { initialServerState } from '../lib/learning/server-state.ts';
import { decodeWeights, modelDigest } from '../lib/learning/weights.ts';
import type { Decision } from './decider.ts';
import type { CommandOf } from './event.ts';
import type { EnclaveEnvironment, EnclaveState } from './state.ts';

/**
 * Genesis (PROTOCOL §7.1): on initial weights, or, under a successor, without any, behind a verified passport of the
 * release that the contract goes on from. E-PREDECESSOR-INVALID for another passport or none.
 */
export function begin(
  environment: EnclaveEnvironment,
  { at, noiseRoot, initialWeights, predecessor: passport }: CommandOf<'boot'>,
): Decision {
  const { sealed, layout, signer } = environment;
  const { model, predecessor } = sealed.contract;
  const fresh = bytesEqual(modelDigest(layout.digest, initialWeights), model.initialDigest);
  const founded = predecessor === null ? onInitialWeights(fresh) : succeeds(environment, passport, !fresh);
  if (!founded.ok) return founded;
  const draft = {
    type: 'genesis',
    contract: sealed.digest,
    at,
    noiseRoot,
    model: model.initialDigest,
    predecessor,
  } as const;
  const content = fresh ? { weights: initialWeights, server: initialServerState } : null;
  return ok([{ type: 'born', content, statement: issueStatement(draft, null, signer) }]);
}

function onInitialWeights(fresh: boolean): Result<null, Refusal> {
  return fresh ? ok(null) : err(refusal('E-CONTRACT-INVALID', 'model.initialDigest: the initial weights are others'));
}

function succeeds(
  { sealed, appraise }: EnclaveEnvironment,
  passport: Uint8Array | undefined,
  continues: boolean,
): Result<null, Refusal> {
  if (passport === undefined) return err(refusal('E-PREDECESSOR-INVALID', 'no passport was given'));
  return verifyPredecessor(passport, { sealed, continues }, appraise);
}

/** The model that the contract goes on from: the first hospital that brings it is enough; another model is refused. */
export function receiveModel(
  { sealed, layout }: EnclaveEnvironment,
  state: EnclaveState,
  { from, weights: bytes }: CommandOf<'receive-model'>,
): Decision {
  if (state.phase === 'unborn') return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  const { content, fixedBy } = state.ledger.model;
  if (content !== null) return ok([]);
  const weights = decodeWeights(bytes, layout.length);
  if (!weights.ok) return err(refusal('E-PREDECESSOR-INVALID', `model of ${from}: ${weights.error.detail}`));
  const got = modelDigest(layout.digest, weights.value);
  const want = sealed.contract.model.initialDigest;
  if (!bytesEqual(got, want))
    return err(refusal('E-PREDECESSOR-INVALID', `model of ${from}`, { got: toHex(got), want: toHex(want) }));
  return ok([{ type: 'model-loaded', fixedBy, content: { weights: weights.value, server: initialServerState } }]);
}
