import { ok, type Result } from '../../../lib/core/result.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { instant } from '../../../lib/core/ids.ts';
import { requireOrganisation } from '../../../lib/wire/peer-identity.ts';
import { tableService, type HandlersOf, type WireService } from '../../../lib/wire/service.ts';
import { studyMethods, type StudyEvent } from '../../../lib/wire/study-codec.ts';
import { ALPHA } from './consortium.ts';

type StudyHandlers = HandlersOf<typeof studyMethods>;

/** A StudyService over real sockets whose answers are fixed; approvals are Alpha's business alone. */
export function studyDesk(differing: Partial<StudyHandlers> = {}): WireService {
  const done = async (): Promise<Result<Record<string, never>, Refusal>> => ok({});
  return tableService(studyMethods, {
    getContract: async () => ok({ contract: Uint8Array.of(1, 2, 3), approvals: [Uint8Array.of(4)] }),
    submitApproval: async (_request, { peer }) => {
      const own = requireOrganisation(peer, ALPHA);
      return own.ok ? ok({ approvals: 1, needed: 3 }) : own;
    },
    submitWithdrawal: done,
    getStatus: async () =>
      ok({
        phase: 'running',
        round: 0,
        rounds: 20,
        code: null,
        sites: [{ organisation: ALPHA, approved: true, connected: false, lastSeen: null, step: null }],
      }),
    watch: async ({ fromSequence }) => ok(phases(fromSequence)),
    getStatements: async ({ limit }) => ok({ statements: Array.from({ length: limit }, (_, i) => Uint8Array.of(i)) }),
    launch: done,
    stop: done,
    ...differing,
  });
}

async function* phases(from: number): AsyncGenerator<StudyEvent> {
  for (let sequence = from; sequence < from + 3; sequence++) {
    yield { sequence, at: instant(1000 + sequence), kind: 'phaseChanged', phase: `phase-${sequence}` };
  }
}
