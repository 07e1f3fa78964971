import type { SignedStatement } from '../lib/audit/statement.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import type { EnclaveEvent } from './event.ts';
import type { EnclaveLedger, EnclaveState } from './state.ts';

interface Step {
  readonly organisation: OrganisationId;
  readonly round: number;
  readonly attempt: number;
}

/** What a hospital signed, for a coordinator that has not heard of it or lost it. */
export type ConsentNotice =
  | { readonly kind: 'approval'; readonly organisation: OrganisationId; readonly approval: Uint8Array }
  | { readonly kind: 'withdrawal'; readonly organisation: OrganisationId; readonly withdrawal: Uint8Array };

/** All that the host is told of what happens in the core: nothing of an update but that it came (HOUSE §3). */
export type CoreNotice =
  | { readonly kind: 'statement'; readonly statement: SignedStatement }
  | ({ readonly kind: 'commit' | 'update' | 'acknowledgement' } & Step)
  | { readonly kind: 'publication'; readonly evidence: Uint8Array }
  | { readonly kind: 'halted'; readonly refusal: Refusal }
  | ConsentNotice;

/** `state`: after the event. Null for what concerns nobody outside. */
export function noticeOf(event: EnclaveEvent, state: EnclaveState): CoreNotice | null {
  switch (event.type) {
    case 'born':
    case 'statement-issued':
    case 'result-sealed':
      return { kind: 'statement', statement: event.statement };
    case 'commit-accepted':
      return stepOf('commit', event.commit.organisation, state);
    case 'update-accepted':
      return stepOf('update', event.organisation, state);
    case 'acknowledgement-accepted':
      return stepOf('acknowledgement', event.organisation, state);
    case 'publication-recorded':
      return { kind: 'publication', evidence: event.publication.evidence };
    case 'halted':
      return { kind: 'halted', refusal: event.refusal };
    case 'approval-recorded':
      return { kind: 'approval', organisation: event.organisation, approval: event.approval };
    case 'withdrawal-recorded':
      return { kind: 'withdrawal', organisation: event.organisation, withdrawal: event.withdrawal };
    case 'header-accepted':
    case 'model-loaded':
      return null;
  }
}

function stepOf(
  kind: 'commit' | 'update' | 'acknowledgement',
  organisation: OrganisationId,
  state: EnclaveState,
): CoreNotice | null {
  if (!('manifest' in state)) return null;
  const { round, attempt } = state.manifest.statement;
  return { kind, organisation, round, attempt };
}

/** Every approval and withdrawal that stands, as the core would have told them. */
export function consentOf({ approvals, withdrawn }: EnclaveLedger): ConsentNotice[] {
  return [
    ...[...withdrawn].map(([organisation, withdrawal]) => ({ kind: 'withdrawal', organisation, withdrawal }) as const),
    ...[...approvals].map(([organisation, approval]) => ({ kind: 'approval', organisation, approval }) as const),
  ];
}
