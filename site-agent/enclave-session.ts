import type { AttestationResult } from '../lib/attestation/attestation-result.ts';
import { MAX_MESSAGE_BYTES } from '../lib/audit/session-message.ts';
import { attestationBatcher } from '../lib/channel/attestation-batcher.ts';
import { openSiteSession } from '../lib/channel/open-site-session.ts';
import type { AttestedSession } from '../lib/channel/session.ts';
import type { FrameDuplex } from '../lib/channel/duplex.ts';
import type { Refusal } from '../lib/core/errors.ts';
import type { Result } from '../lib/core/result.ts';
import { headOfChain, NOTHING_SEEN } from '../lib/audit/chain.ts';
import type { SitePlatform } from './site-platform.ts';
import type { SiteEnvironment, SiteState } from './state.ts';

interface Parts {
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
  readonly duplex: FrameDuplex;
  readonly endorse: () => Uint8Array;
  readonly state: () => SiteState;
  /** Sees every verdict on the enclave's evidence, at the start and at every re-attestation. */
  readonly onVerdict: (result: AttestationResult) => void;
}

/** The attested session of PROTOCOL §4 under the contract's policy for the enclave. */
export function attestEnclave({
  environment,
  platform,
  duplex,
  endorse,
  state,
  onVerdict,
}: Parts): Promise<Result<AttestedSession, Refusal>> {
  const { sealed, signer, organisation } = environment;
  const { clock, random, attester, devices, verifiers } = platform;
  return openSiteSession({
    duplex,
    contractDigest: sealed.digest,
    reattestIntervalMs: sealed.contract.reattestIntervalMs,
    appraisal: {
      registry: verifiers,
      policy: sealed.contract.appraisal.enclave,
      environment: platform.environment,
      onResult: onVerdict,
    },
    attester: attestationBatcher({ attester, clock, windowMs: 0 }),
    devices,
    head: () => headOfChain(state().chain) ?? NOTHING_SEEN,
    credentials: () => ({ bootKey: signer.publicKey, organisation, endorsement: endorse() }),
    clock,
    random,
    maxMessageBytes: MAX_MESSAGE_BYTES,
  });
}
