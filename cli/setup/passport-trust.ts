import type { Collateral } from '../../lib/attestation/collateral/collateral.ts';
import { hardwareVerifiers } from '../../lib/attestation/hardware-verifier.ts';
import { simulatedVerifier } from '../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import type { PassportTrust } from '../../lib/audit/passport.ts';
import type { StudyContract } from '../../lib/contract/study-contract.ts';
import type { PublicKey } from '../../lib/core/ids.ts';

interface Trust {
  readonly organisations: readonly { readonly id: string; readonly key: PublicKey }[];
  /** Roots of simulated chips; empty where only real hardware counts. */
  readonly simulatedRoots: readonly PublicKey[];
  readonly environment: StudyContract['environment'];
  /** The verifier's own, beside what the publications bring. */
  readonly collateral?: Collateral;
}

/** A verifier's own hands: keys and roots that it was given, never ones out of a bundle (PROTOCOL §7.7). */
export function passportTrust({ organisations, simulatedRoots, environment, collateral = [] }: Trust): PassportTrust {
  const source = { current: () => collateral, newestSignedMs: () => 0 };
  const verifiers = [
    ...hardwareVerifiers({ collateral: source }),
    ...(simulatedRoots.length === 0 ? [] : [simulatedVerifier({ roots: simulatedRoots })]),
  ];
  return {
    organisationKeys: new Map(organisations.map(({ id, key }) => [id, key])),
    appraise: publicationAppraiser(verifierRegistry(verifiers), environment),
  };
}
