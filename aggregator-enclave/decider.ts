import { openApproval, openWithdrawal } from '../lib/contract/approval.ts';
import { refusal, type Refusal } from '../lib/core/errors.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import { closeCollection, receiveHeader, receiveUpdate } from './collection-phase.ts';
import { lockCohort, openRound, receiveCommit } from './cohort-phase.ts';
import type { CommandOf, EnclaveCommand, EnclaveEvent } from './event.ts';
import { begin, receiveModel } from './genesis-phase.ts';
import { receiveHeadProof } from './head-phase.ts';
import { abortRound, closeAcknowledgement, receiveAcknowledgement } from './release-phase.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { headOfState, type EnclaveEnvironment, type EnclaveState } from './state.ts';

export type Decision = Result<readonly EnclaveEvent[], Refusal>;

/**
 * The safety decider: minimum cohort, one release per parent, nothing out before acknowledgements (PROTOCOL §7).
 * Pure: the same environment, state and command give the same events. A refusal changes nothing.
 */
export function decide(environment: EnclaveEnvironment, state: EnclaveState, command: EnclaveCommand): Decision {
  if (state.phase === 'halted') return err(state.refusal);
  switch (command.type) {
    case 'boot':
      return boot(environment, state, command);
    case 'record-approval':
      return recordApproval(environment, state, command);
    case 'open-round':
      return openRound(environment, state, command);
    case 'receive-commit':
      return receiveCommit(environment, state, command);
    case 'lock-cohort':
      return lockCohort(environment, state, command);
    case 'receive-header':
      return receiveHeader(environment, state, command);
    case 'receive-update':
      return receiveUpdate(environment, state, command);
    case 'close-collection':
      return closeCollection(environment, state, command);
    case 'receive-acknowledgement':
      return receiveAcknowledgement(environment, state, command);
    case 'close-acknowledgement':
      return closeAcknowledgement(environment, state, command);
    case 'abort-round':
      return abortRound(environment, state, { at: command.at, code: 'E-ROUND-STOPPED' });
    case 'record-publication':
      return recordPublication(environment, state, command);
    case 'receive-model':
      return receiveModel(environment, state, command);
    case 'receive-withdrawal':
      return receiveWithdrawal(environment, state, command);
    case 'receive-head-proof':
      return receiveHeadProof(environment, state, command);
  }
}

/** Genesis on the first boot. Later boots end an attempt that lost its updates with the memory of the last boot. */
function boot(environment: EnclaveEnvironment, state: EnclaveState, command: CommandOf<'boot'>): Decision {
  switch (state.phase) {
    case 'unborn':
      return begin(environment, command);
    case 'open':
    case 'locked':
    case 'collecting':
      return abortRound(environment, state, { at: command.at, code: 'E-ENCLAVE-RESTARTED' });
    case 'idle':
    case 'committed':
    case 'released':
    case 'aborted':
    case 'halted':
      return ok([]);
  }
}

function recordApproval(
  { sealed }: EnclaveEnvironment,
  state: EnclaveState,
  { approval, at }: CommandOf<'record-approval'>,
): Decision {
  const known = state.phase === 'unborn' ? state.approvals : state.ledger.approvals;
  // Before its expiry is looked at: the host hands in what it stored, and one old approval must not stop a boot.
  if ([...known.values()].some((earlier) => bytesEqual(earlier, approval))) return ok([]);
  const opened = openApproval(approval, { sealed, at });
  if (!opened.ok) return opened;
  const { organisation, expires } = opened.value.document;
  const standing = known.get(organisation);
  // Only a longer consent replaces one that stands: two that take turns would fill the log.
  if (standing !== undefined && !openApproval(standing, { sealed, at: expires }).ok) {
    return ok([{ type: 'approval-recorded', organisation, approval }]);
  }
  return ok(standing === undefined ? [{ type: 'approval-recorded', organisation, approval }] : []);
}

/** Evidence for this boot's key and no other; the host could hand in what it likes. */
function recordPublication(
  { sealed, signer }: EnclaveEnvironment,
  state: EnclaveState,
  { publication }: CommandOf<'record-publication'>,
): Decision {
  const head = headOfState(state);
  if (head === null) return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  const own = bytesEqual(publication.bootKey, signer.publicKey) && bytesEqual(publication.contract, sealed.digest);
  if (!own) return err(refusal('E-ATTEST-BINDING', 'publication of another boot'));
  return ok([{ type: 'publication-recorded', publication }]);
}

function receiveWithdrawal(
  { sealed }: EnclaveEnvironment,
  state: EnclaveState,
  command: CommandOf<'receive-withdrawal'>,
): Decision {
  if (state.phase === 'unborn') return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  const opened = openWithdrawal(command.withdrawal, { contract: sealed.contract, contractDigest: sealed.digest });
  if (!opened.ok) return opened;
  if (opened.value.document.organisation !== command.from) return err(refusal('E-ORG-IDENTITY', command.from));
  if (state.ledger.withdrawn.has(command.from)) return ok([]);
  return ok([{ type: 'withdrawal-recorded', organisation: command.from, withdrawal: command.withdrawal }]);
}
