import { createPrivateKey, X509Certificate } from 'node:crypto';
import { refusal, RefusalError } from '../core/errors.ts';
import { readNamedFile } from './named-file.ts';
import type { TlsPaths } from './program-fields.ts';

/** PEM texts of the three files. Throws RefusalError E-CONFIG for one that cannot be read, or does not belong to the others. */
export async function readTls(paths: TlsPaths): Promise<TlsTexts> {
  const [certificate, privateKey, authority] = await Promise.all([
    readText(paths.certificate),
    readText(paths.privateKey),
    readText(paths.authority),
  ]);
  const problem = tlsProblem({ certificate, privateKey, authority });
  if (problem !== null) throw new RefusalError(refusal('E-CONFIG', problem));
  return { certificate, privateKey, authority };
}

interface TlsTexts {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
}

const readText = async (path: string): Promise<string> => new TextDecoder().decode(await readNamedFile(path));

/** What OpenSSL would only say in words of its own; validity is the other side's to check, at every connection. */
function tlsProblem({ certificate, privateKey, authority }: TlsTexts): string | null {
  const own = parsed(() => new X509Certificate(certificate));
  if (own === null) return 'tls.certificate: is not a certificate';
  if (parsed(() => new X509Certificate(authority)) === null) return 'tls.authority: is not a certificate';
  const key = parsed(() => createPrivateKey(privateKey));
  if (key === null) return 'tls.privateKey: is not a private key';
  return own.checkPrivateKey(key) ? null : 'tls.privateKey: is the key of another certificate';
}

function parsed<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}
