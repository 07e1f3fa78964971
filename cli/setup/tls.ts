import { join } from 'node:path';
import type { Instant, OrganisationId } from '../../lib/core/ids.ts';
import { issue, type Authority } from '../../lib/wire/certificates.ts';
import type { Role } from '../../lib/wire/peer-identity.ts';
import { refuseExisting, writeNew, writeSecret } from './write-file.ts';

export interface TlsFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
}

interface Wanted {
  readonly role: Role;
  readonly id: OrganisationId;
  readonly addresses: readonly string[];
  readonly at: Instant;
  readonly days: number;
}

/** Issues a certificate into `folder`: `tls.crt`, `tls.key` (0600), `ca.crt`. */
export async function issueTls(authority: Authority, folder: string, wanted: Wanted): Promise<TlsFiles> {
  const material = issue(authority, wanted);
  const files = {
    certificate: join(folder, 'tls.crt'),
    privateKey: join(folder, 'tls.key'),
    authority: join(folder, 'ca.crt'),
  };
  refuseExisting(...Object.values(files));
  await writeSecret(files.privateKey, material.privateKey);
  await writeNew(files.certificate, material.certificate);
  await writeNew(files.authority, material.authority);
  return files;
}
