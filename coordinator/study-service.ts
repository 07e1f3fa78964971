import type { SealedContract } from '../lib/contract/study-contract.ts';
import type { Refusal } from '../lib/core/errors.ts';
import { instant, type Instant, type OrganisationId } from '../lib/core/ids.ts';
import { openApproval, openWithdrawal } from '../lib/contract/approval.ts';
import { err, ok, type Result } from '../lib/core/result.ts';
import type { EventLog } from '../lib/wire/event-log.ts';
import { requireOrganisation } from '../lib/wire/peer-identity.ts';
import { tableService, type WireService } from '../lib/wire/service.ts';
import { statementPage } from '../lib/wire/statement-page.ts';
import { studyMethods, type SiteStatus, type StudyEvent } from '../lib/wire/study-codec.ts';
import type { Coordinator } from './coordinator.ts';
import type { Presence } from './presence.ts';
import { approvalsInForce } from './state.ts';
import type { StatementArchive } from './statement-archive.ts';

interface Parts {
  readonly sealed: SealedContract;
  readonly coordinator: Coordinator;
  readonly presence: Presence;
  readonly statements: StatementArchive;
  readonly notices: EventLog<StudyEvent>;
  /** When each organisation last called. */
  readonly lastSeen: Map<OrganisationId, number>;
  readonly onApproval: () => Promise<void>;
  /** Why the enclave serves nobody any more; null: it does, as far as is known. */
  readonly halted: () => Refusal | null;
  readonly now: () => Instant;
}

/** What hospitals and researchers may ask of the coordinator. */
export function studyService(parts: Parts): WireService {
  const { sealed, coordinator, statements, notices, lastSeen, onApproval, now } = parts;
  return tableService(studyMethods, {
    getContract: async (_request, { peer }) => {
      if (sealed.contract.organisations.some(({ id }) => id === peer.id)) lastSeen.set(peer.id, Date.now());
      return ok({ contract: sealed.bytes, approvals: approvalsInForce(coordinator.state, now()) });
    },
    // What a hospital signed also travels through others' hands: only the hospital itself may bring it here.
    submitApproval: async ({ approval }, { peer }) => {
      const opened = openApproval(approval, { sealed, at: now() });
      if (!opened.ok) return opened;
      const own = requireOrganisation(peer, opened.value.document.organisation);
      if (!own.ok) return own;
      // An agent hands its approval over at the beginning of every session: this is how it is heard of.
      lastSeen.set(opened.value.document.organisation, Date.now());
      const recorded = await coordinator.handle({ type: 'receive-approval', at: now(), approval });
      if (!recorded.ok) return recorded;
      await onApproval();
      return ok({ approvals: coordinator.state.approvals.size, needed: sealed.contract.kMin });
    },
    submitWithdrawal: async ({ withdrawal }, { peer }) => {
      const { contract, digest } = sealed;
      const opened = openWithdrawal(withdrawal, { contract, contractDigest: digest });
      if (!opened.ok) return opened;
      const own = requireOrganisation(peer, opened.value.document.organisation);
      return own.ok ? emptied(await coordinator.handle({ type: 'receive-withdrawal', withdrawal })) : own;
    },
    getStatus: async () =>
      ok({
        phase: coordinator.state.phase,
        round: coordinator.state.released,
        rounds: sealed.contract.rounds,
        code: coordinator.state.phase === 'failed' ? coordinator.state.code : null,
        sites: sealed.contract.organisations.map(({ id }) => siteStatus(parts, id)),
      }),
    watch: async ({ fromSequence }, { signal }) => ok(notices.watch(fromSequence, signal)),
    getStatements: async ({ fromCounter, limit }) =>
      ok({ statements: statementPage(await statements.from(fromCounter), limit) }),
    launch: async ({ rounds }) => {
      const halted = parts.halted();
      return halted === null ? emptied(await coordinator.handle({ type: 'launch', rounds })) : err(halted);
    },
    stop: async () => emptied(await coordinator.handle({ type: 'stop' })),
  });
}

function siteStatus({ coordinator: { state }, presence, lastSeen }: Parts, organisation: OrganisationId): SiteStatus {
  const seen = lastSeen.get(organisation);
  const running = state.phase === 'running' ? state.current : null;
  return {
    organisation,
    approved: state.approvals.has(organisation),
    connected: state.connected.has(organisation) && !presence.isAway(organisation),
    lastSeen: seen === undefined ? null : instant(seen),
    step: running?.done.has(organisation) === true ? running.step : null,
  };
}

function emptied(result: Result<unknown, Refusal>): Result<Record<string, never>, Refusal> {
  return result.ok ? ok({}) : result;
}
