import { openEndorsement } from '../lib/contract/endorsement.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import { MAX_MESSAGE_BYTES } from '../lib/audit/session-message.ts';
import { acceptSiteSession, type Applicant } from '../lib/channel/accept-site-session.ts';
import type { BinderAttester } from '../lib/channel/attestation-batcher.ts';
import type { FrameDuplex } from '../lib/channel/duplex.ts';
import type { Enclave } from './enclave.ts';
import { SiteSession } from './site-session.ts';
import { headOfState, type EnclaveState } from './state.ts';

export interface SessionObserver {
  readonly opened: (organisation: OrganisationId) => void;
  /** `refusal`: null at a clean end. */
  readonly closed: (organisation: OrganisationId, refusal: Refusal | null) => void;
  readonly refused: (organisation: OrganisationId | null, refusal: Refusal) => void;
}

interface Parts {
  readonly enclave: Enclave;
  readonly attester: BinderAttester;
  readonly duplex: FrameDuplex;
  readonly observer: SessionObserver;
  /** Ends the session when the program stops. */
  readonly signal: AbortSignal;
}

/** Handshake, mutual attestation, admission, then the site's messages until it leaves (PROTOCOL §4). Never rejects on what a peer does. */
export async function acceptSession({ enclave, attester, duplex, observer, signal }: Parts): Promise<void> {
  const { sealed, signer } = enclave.environment;
  const { clock, random, verifiers, environment, devices } = enclave.ports;
  const accepted = await acceptSiteSession({
    duplex,
    contractDigest: sealed.digest,
    reattestIntervalMs: sealed.contract.reattestIntervalMs,
    bootKey: signer.publicKey,
    attester,
    devices,
    clock,
    random,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    appraisal: { registry: verifiers, policy: sealed.contract.appraisal.site, environment },
    head: () => {
      const head = headOfState(enclave.state);
      if (head === null) throw new Error('a session before genesis');
      return head;
    },
    admit: (applicant) => admit(enclave, applicant),
  });
  if (!accepted.ok) {
    observer.refused(null, accepted.error);
    return;
  }
  const session = accepted.value;
  const { organisation } = session.peer;
  if (organisation === null) throw new Error('a site session without organisation');
  observer.opened(organisation);
  const close = (): void => void session.close();
  signal.addEventListener('abort', close);
  const onRefused = (refused: Refusal): void => {
    observer.refused(organisation, refused);
  };
  let ended: Refusal | null = null;
  try {
    const attestedHead = session.peer.head;
    await new SiteSession({ enclave, organisation, port: session, attestedHead, onRefused }).run();
  } catch (fault) {
    if (!(fault instanceof RefusalError)) throw fault;
    ended = fault.refusals[0];
  } finally {
    signal.removeEventListener('abort', close);
    observer.closed(organisation, ended);
    close();
  }
}

/** Only organisations of the contract that approved it, with an endorsement of exactly the attested boot key (PROTOCOL §6.1). */
async function admit(
  enclave: Enclave,
  { organisation, bootKey, endorsement }: Applicant,
): Promise<Result<null, Refusal>> {
  const { sealed } = enclave.environment;
  const { state } = enclave;
  const at = enclave.ports.clock.now();
  const opened = openEndorsement(endorsement, { contract: sealed.contract, contractDigest: sealed.digest, at });
  if (!opened.ok) return opened;
  const { document } = opened.value;
  if (document.organisation !== organisation) return err(refusal('E-ORG-IDENTITY', organisation));
  if (!bytesEqual(document.bootKey, bootKey)) return err(refusal('E-ENDORSEMENT', `${organisation}: another boot key`));
  if (state.phase === 'unborn') return err(refusal('E-ROUND-PHASE', 'the study has not begun'));
  if (state.phase === 'halted') return err(state.refusal);
  if (!state.ledger.approvals.has(organisation)) return err(refusal('E-ORG-NOT-APPROVED', organisation));
  const gone = state.ledger.withdrawn.has(organisation) && !isUnderWay(state, organisation);
  return gone ? err(refusal('E-SITE-WITHDRAWN', organisation)) : ok(null);
}

/** A withdrawal does not stop the round of an update that was announced before it: that one is seen through (PROTOCOL §6.3). */
function isUnderWay(state: EnclaveState, organisation: OrganisationId): boolean {
  if (state.phase === 'committed')
    return state.intent.statement.members.some((one) => one.organisation === organisation);
  return (state.phase === 'locked' || state.phase === 'collecting') && state.headers.has(organisation);
}
