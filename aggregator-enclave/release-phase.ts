import { acknowledgementsNeeded, openMemberAcknowledgement } from '../lib/audit/passport.ts';
import { headOf, issueStatement, type SignedStatement } from '../lib/audit/statement.ts';
import { refusal, type ErrorCode } from '../lib/core/errors.ts';
import type { Instant } from '../lib/core/ids.ts';
import { err, ok } from '../lib/core/result.ts';
import { protectionOf } from '../lib/privacy/mechanism.ts';
import type { Decision } from './decider.ts';
import type { CommandOf } from './event.ts';
import { headOfState, type Committed, type EnclaveEnvironment, type EnclaveState } from './state.ts';

/** Counts an acknowledgement; the last one of the accepted set releases the result (PROTOCOL §7.6–7.7). */
export function receiveAcknowledgement(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  { from, at, acknowledgement, endorsement }: CommandOf<'receive-acknowledgement'>,
): Decision {
  if (state.phase !== 'committed') return err(refusal('E-ROUND-PHASE', 'nothing waits for acknowledgements'));
  const { sealed } = environment;
  const opened = openMemberAcknowledgement({ acknowledgement, endorsement, intent: state.intent, sealed, at });
  if (!opened.ok) return opened;
  if (opened.value !== from) return err(refusal('E-ACK-INVALID', `${from} sent the acknowledgement of another`));
  if (state.acknowledgements.has(from)) return ok([]);
  const accepted = { type: 'acknowledgement-accepted', organisation: from, acknowledgement, endorsement } as const;
  const complete = state.acknowledgements.size + 1 === state.intent.statement.members.length;
  return ok(
    complete
      ? [accepted, { type: 'statement-issued', statement: releaseStatement(environment, state, at) }]
      : [accepted],
  );
}

/**
 * At the deadline: releases on enough acknowledgements, else refuses E-ACKS-MISSING and goes on waiting, for another
 * enclave with the same sealed result may have released it (PROTOCOL §7.8).
 */
export function closeAcknowledgement(
  environment: EnclaveEnvironment,
  state: EnclaveState,
  { at }: CommandOf<'close-acknowledgement'>,
): Decision {
  if (state.phase === 'released') return ok([]);
  if (state.phase !== 'committed') return err(refusal('E-ROUND-PHASE', 'nothing waits for acknowledgements'));
  const needed = acknowledgementsNeeded(environment.sealed, state.intent.statement.members.length);
  const got = state.acknowledgements.size;
  if (got < needed) return err(refusal('E-ACKS-MISSING', '', { got: String(got), want: `at least ${needed}` }));
  return ok([{ type: 'statement-issued', statement: releaseStatement(environment, state, at) }]);
}

/** Ends an attempt before its Intent; everything received in it is forgotten. A sealed result is finished, not given up. */
export function abortRound(
  { sealed, signer }: EnclaveEnvironment,
  state: EnclaveState,
  { at, code }: { readonly at: Instant; readonly code: ErrorCode },
): Decision {
  if (state.phase === 'committed') return err(refusal('E-ROUND-SEALED'));
  if (state.phase !== 'open' && state.phase !== 'locked' && state.phase !== 'collecting') {
    return err(refusal('E-ROUND-PHASE', 'no round is running'));
  }
  const { round, attempt, parent } = state.manifest.statement;
  const draft = { type: 'abort', contract: sealed.digest, at, round, attempt, parent, code } as const;
  return ok([{ type: 'statement-issued', statement: issueStatement(draft, headOfState(state), signer) }]);
}

function releaseStatement(
  { sealed, signer, software, mechanism }: EnclaveEnvironment,
  state: Committed,
  at: Instant,
): SignedStatement {
  const { round, attempt, parent } = state.manifest.statement;
  const draft = {
    type: 'release',
    contract: sealed.digest,
    at,
    round,
    attempt,
    intent: state.intent.digest,
    certificate: state.certificate.digest,
    parent,
    child: state.result.model.digest,
    resultSalt: state.result.salt,
    cohortSize: state.intent.statement.members.length,
    ...protectionOf(mechanism, round),
    software,
  } as const;
  return issueStatement(draft, headOf(state.intent), signer);
}
