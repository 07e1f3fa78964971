import type { PlatformModule } from '../platform-module.ts';
import { appraiseSnp } from './appraise.ts';
import { authenticateSnp } from './authenticate.ts';
import type { SnpClaims } from './claims.ts';
import { looksLikeSnp, parseSnpEvidence, type SnpEvidence } from './evidence.ts';
import { snpFields } from './fields.ts';
import { snpPolicy } from './policy.ts';

/** AMD SEV-SNP on Milan, Genoa (with Bergamo and Siena) and Turin: reports of version 2 to 5. */
export const sevSnp: PlatformModule<SnpEvidence, SnpClaims, (typeof snpPolicy)['keys']> = {
  format: 'sev-snp',
  recognises: looksLikeSnp,
  parse: parseSnpEvidence,
  fields: snpFields,
  authenticate: authenticateSnp,
  policy: snpPolicy,
  appraise: appraiseSnp,
};
