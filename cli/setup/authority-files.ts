import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { readNamedFile, readSecretFile } from '../../lib/config/named-file.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { createAuthority, type Authority } from '../../lib/wire/certificates.ts';
import type { Instant } from '../../lib/core/ids.ts';
import { refuseExisting, writeNew, writeSecret } from './write-file.ts';

/** The name says to whoever opens a certificate what it is worth. */
const TRIAL_NAME = 'Consilium trial only';

export interface AuthorityPaths {
  readonly certificate: string;
  /** Secret: PKCS #8 PEM, mode 0600. */
  readonly privateKey: string;
}

export const authorityPaths = (folder: string): AuthorityPaths => ({
  certificate: join(folder, 'ca.crt'),
  privateKey: join(folder, 'ca.key'),
});

/** Makes a certificate authority for trials in `folder`. */
export async function writeAuthority(
  folder: string,
  validity: { readonly at: Instant; readonly days: number },
): Promise<AuthorityPaths> {
  const paths = authorityPaths(folder);
  refuseExisting(paths.certificate, paths.privateKey);
  const { certificate, privateKey } = createAuthority({ name: TRIAL_NAME, ...validity });
  await writeSecret(paths.privateKey, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  await writeNew(paths.certificate, certificate);
  return paths;
}

/** Reads what `writeAuthority` wrote; any other authority is refused with E-CONFIG, so that no real one is used so. */
export async function readAuthority(folder: string): Promise<Authority> {
  const paths = authorityPaths(folder);
  const certificate = new TextDecoder().decode(await readNamedFile(paths.certificate));
  const privateKey = keyIn(await readSecretFile(paths.privateKey));
  const parsed = certificateIn(certificate);
  if (privateKey === null || parsed?.subject !== `CN=${TRIAL_NAME}` || !parsed.checkPrivateKey(privateKey)) {
    throw new RefusalError(refusal('E-CONFIG', `${folder}: is not a trial authority that consilium tls ca made`));
  }
  return { certificate, name: TRIAL_NAME, privateKey, publicKey: createPublicKey(certificate) };
}

function keyIn(pem: Uint8Array): KeyObject | null {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    return null;
  }
}

function certificateIn(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
