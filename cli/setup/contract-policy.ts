import { z } from 'zod';
import { readPolicy } from '../../lib/attestation/policy/policy.ts';
import { HARDWARE_PLATFORMS } from '../../lib/attestation/hardware-verifier.ts';
import { loadConfig } from '../../lib/config/config-file.ts';
import type { PolicyDocument } from '../../lib/contract/appraisal-policy.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import type { AttestationPolicy } from './draft.ts';

/** A policy file as a contract takes it: the document itself and the processors among its platforms. */
export async function readContractPolicy(path: string): Promise<AttestationPolicy> {
  const loaded = await loadConfig(path, () => z.unknown());
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  const policy = readPolicy(loaded.value);
  if (!policy.ok) {
    const [first, ...others] = policy.error;
    const named = ({ detail }: { readonly detail: string }) => refusal('E-POLICY-INVALID', `${path}: ${detail}`);
    throw new RefusalError(named(first), ...others.map(named));
  }
  const platforms = HARDWARE_PLATFORMS.filter((platform) => policy.value.platforms.includes(platform));
  if (platforms.length === 0) {
    const want = `one of ${HARDWARE_PLATFORMS.join(', ')}`;
    throw new RefusalError(refusal('E-POLICY-INVALID', `${path}: platforms: no processor among them; want ${want}`));
  }
  return { document: loaded.value as PolicyDocument, platforms };
}
