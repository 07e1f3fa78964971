import { organisationId, instant, type OrganisationId } from '../../../lib/core/ids.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { createAuthority, issue, type Authority, type IssueParts } from '../../../lib/wire/certificates.ts';
import { connect, type Connection } from '../../../lib/wire/connection.ts';
import type { ClientLimits, ServerLimits } from '../../../lib/wire/limits.ts';
import type { PeerIdentity, Role } from '../../../lib/wire/peer-identity.ts';
import { startServer, type RunningServer } from '../../../lib/wire/serve.ts';
import type { WireService } from '../../../lib/wire/service.ts';
import type { TlsMaterial } from '../../../lib/wire/tls-material.ts';

export const MINUTE = 60_000;
export const ALPHA = organisationId('alpha');
export const BETA = organisationId('beta');
export const LOOPBACK = ['localhost', '127.0.0.1'];

export const newAuthority = (): Authority =>
  createAuthority({ name: 'consortium of the tests', at: instant(Date.now() - MINUTE), days: 1 });

export const authority = newAuthority();

export const certificateOf = (role: Role, id: OrganisationId, differing: Partial<IssueParts> = {}): TlsMaterial =>
  issue(authority, { role, id, addresses: LOOPBACK, at: instant(Date.now() - MINUTE), days: 1, ...differing });

export const COORDINATOR: PeerIdentity = { role: 'coordinator', id: organisationId('hub') };
export const ENCLAVE: PeerIdentity = { role: 'enclave', id: organisationId('vault') };

export interface WatchedServer extends RunningServer {
  readonly identity: PeerIdentity;
  /** Every connection and call that was refused, oldest first. */
  readonly refused: Refusal[];
  /** What handlers threw that was no refusal. */
  readonly faults: unknown[];
}

export async function serve(
  identity: PeerIdentity,
  services: readonly WireService[],
  limits: Partial<ServerLimits> = {},
): Promise<WatchedServer> {
  const refused: Refusal[] = [];
  const faults: unknown[] = [];
  const server = await startServer({
    address: { host: '127.0.0.1', port: 0 },
    tls: certificateOf(identity.role, identity.id),
    services,
    limits,
    onRefused: (refusal) => refused.push(refusal),
    onFault: (fault) => faults.push(fault),
  });
  return { ...server, identity, refused, faults };
}

export const dial = (server: WatchedServer, tls: TlsMaterial, limits: Partial<ClientLimits> = {}): Connection =>
  connect({
    address: { host: '127.0.0.1', port: server.port },
    tls,
    serverName: 'localhost',
    expect: server.identity,
    limits,
  });

/** Waits until `condition` holds; fails the test when it does not within 10 s. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 10_000) throw new Error('it did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
