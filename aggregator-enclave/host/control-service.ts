import { RefusalError } from '../../lib/core/errors.ts';
import { ok } from '../../lib/core/result.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import { requireIdentity, type PeerIdentity } from '../../lib/wire/peer-identity.ts';
import { tableService, type WireService } from '../../lib/wire/service.ts';
import type { StudyHost } from './study-host.ts';

/** What one coordinator may ask of this enclave; every other certificate is refused with E-ORG-IDENTITY. */
export function controlService(host: StudyHost, coordinator: PeerIdentity): WireService {
  return tableService(controlMethods, {
    load: async (documents, { peer }) => {
      requireOrThrow(peer, coordinator);
      return host.load(documents);
    },
    advance: async (request, { peer }) => {
      requireOrThrow(peer, coordinator);
      return host.advance(request);
    },
    withdraw: async ({ withdrawal }, { peer }) => {
      requireOrThrow(peer, coordinator);
      return host.withdraw(withdrawal);
    },
    getStatements: async ({ fromCounter, limit }, { peer }) => {
      requireOrThrow(peer, coordinator);
      return host.statements(fromCounter, limit);
    },
    watch: async ({ fromSequence }, { peer, signal }) => {
      requireOrThrow(peer, coordinator);
      return ok(host.events.watch(fromSequence, signal));
    },
  });
}

/** Throws RefusalError: a coordinator of the same consortium, but not the one of this enclave. */
export function requireOrThrow(peer: PeerIdentity, coordinator: PeerIdentity): void {
  const own = requireIdentity(peer, coordinator, 'coordinator of this enclave');
  if (!own.ok) throw new RefusalError(own.error);
}
