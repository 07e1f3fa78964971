import type { EnclaveEvent } from '../../aggregator-enclave/event.ts';
import type { EnclaveState } from '../../aggregator-enclave/state.ts';
import type { CoordinatorCommand } from '../../coordinator/event.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';

/** What the enclave's host tells the coordinator of an event; null: nothing. */
export function noticeOf(event: EnclaveEvent, state: EnclaveState): CoordinatorCommand | null {
  const step = (kind: 'commit' | 'upload' | 'acknowledge', organisation: OrganisationId): CoordinatorCommand | null => {
    const manifest = 'manifest' in state ? state.manifest.statement : null;
    if (manifest === null) return null;
    return { type: 'see-step', step: kind, organisation, round: manifest.round, attempt: manifest.attempt };
  };
  switch (event.type) {
    case 'commit-accepted':
      return step('commit', event.commit.organisation);
    case 'update-accepted':
      return step('upload', event.organisation);
    case 'acknowledgement-accepted':
      return step('acknowledge', event.organisation);
    case 'statement-issued':
    case 'result-sealed':
      return statementNotice(event.statement);
    case 'halted':
      return { type: 'see-halt', code: event.refusal.code };
    case 'approval-recorded':
    case 'born':
    case 'header-accepted':
    case 'model-loaded':
    case 'withdrawal-recorded':
    case 'publication-recorded':
      return null;
  }
}

/** A statement as the coordinator hears of it; null for genesis. */
export function statementNotice({ statement }: SignedStatement): CoordinatorCommand | null {
  if (statement.type === 'genesis') return null;
  const { round, attempt } = statement;
  const about = { type: 'see-statement', round, attempt } as const;
  switch (statement.type) {
    case 'manifest':
    case 'release':
      return { ...about, statement: { type: statement.type } };
    case 'certificate':
    case 'intent':
      return { ...about, statement: { type: statement.type, members: statement.members.map((m) => m.organisation) } };
    case 'abort':
      return { ...about, statement: { type: statement.type, code: statement.code } };
  }
}
