import { z } from 'zod';
import type { ConfigFields } from '../../lib/config/config-fields.ts';
import { loadConfig } from '../../lib/config/config-file.ts';
import { peerFields, tlsFields } from '../../lib/config/program-fields.ts';
import { readTls } from '../../lib/config/read-tls.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { connect, type Connection } from '../../lib/wire/connection.ts';
import type { SiteConfig } from '../../site-agent/config.ts';

/** `researcher.yaml`: who launches, follows and stops a study, and where its coordinator is. */
export const researcherConfig = (fields: ConfigFields) =>
  z.strictObject({ coordinator: peerFields, tls: tlsFields(fields) });

/** A connection to the coordinator as the researcher of this configuration file. */
export async function connectAsResearcher(path: string): Promise<Connection> {
  const loaded = await loadConfig(path, researcherConfig);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  return connectToCoordinator(loaded.value);
}

export async function connectToCoordinator({
  coordinator,
  tls,
}: Pick<SiteConfig, 'coordinator' | 'tls'>): Promise<Connection> {
  return connect({
    address: coordinator,
    tls: await readTls(tls),
    serverName: coordinator.serverName,
    expect: { role: 'coordinator', id: coordinator.id },
  });
}
