import { hash512 } from '../core/hash.ts';
import type { Digest, PublicKey } from '../core/ids.ts';

/** What publication evidence vouches for: which key signs the statements of which chain (PROTOCOL §7.1). */
export interface Publication {
  readonly bootKey: PublicKey;
  readonly contractDigest: Digest;
  readonly genesisDigest: Digest;
  readonly headDigest: Digest;
}

/** 64 bytes. For verifying statements later; no session accepts it, since a session wants a binder's root. */
export function publicationReportData(publication: Publication): Uint8Array {
  const { bootKey, contractDigest, genesisDigest, headDigest } = publication;
  return hash512('boot', bootKey, contractDigest, genesisDigest, headDigest);
}
