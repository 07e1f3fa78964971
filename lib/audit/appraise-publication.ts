import type { Environment } from '../attestation/appraise.ts';
import { failuresOf } from '../attestation/attestation-result.ts';
import { publicationReportData } from '../attestation/publication.ts';
import type { VerifierRegistry } from '../attestation/verifier.ts';
import { fromHex } from '../core/bytes.ts';
import type { Digest } from '../core/ids.ts';
import type { PassportTrust } from './passport.ts';

/**
 * Appraises an enclave's publication evidence under the contract's policy, at the time the publication states, for
 * exactly the report data that binds its boot key (PROTOCOL §7.1).
 */
export function publicationAppraiser(verifiers: VerifierRegistry, environment: Environment): PassportTrust['appraise'] {
  return (publication, { contract }) => {
    const result = verifiers.verify(publication.evidence, {
      policy: contract.appraisal.enclave,
      at: publication.at,
      environment,
      role: 'enclave',
      reportData: publicationReportData({
        bootKey: publication.bootKey,
        contractDigest: publication.contract,
        genesisDigest: publication.genesis,
        headDigest: publication.head.digest,
      }),
    });
    const stated = result.checks.find(({ name, passed }) => name === 'measurement' && passed)?.got;
    const measurement = stated === undefined ? null : (fromHex(stated) as Digest | null);
    return { refusals: failuresOf(result), measurement, simulated: result.simulated };
  };
}
