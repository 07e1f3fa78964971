import { refusalOf, type AttestationResult } from '../attestation/attestation-result.ts';
import type { Environment } from '../attestation/appraise.ts';
import { rootOfPath } from '../attestation/binder-tree.ts';
import { Binder } from '../attestation/binder.ts';
import { deviceEvidenceDigest } from '../attestation/composite/device-binding.ts';
import type { Role } from '../attestation/claims.ts';
import type { VerifierRegistry } from '../attestation/verifier.ts';
import type { AppraisalPolicy } from '../contract/appraisal-policy.ts';
import type { Head } from '../contract/shapes.ts';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { hash } from '../core/hash.ts';
import type { Digest, OrganisationId, PublicKey } from '../core/ids.ts';
import type { Result } from '../core/result.ts';
import type { BinderAttester } from './attestation-batcher.ts';
import type { ChannelClock } from './clock.ts';
import type { Exporter } from './key-agreement.ts';
import {
  decodeEvidenceMessage,
  encodeEvidenceMessage,
  type Challenge,
  type EvidenceMessage,
} from './sealed-messages.ts';
import { attestationKeyContext } from './transcript.ts';

/** Who this side is: its key of this boot and, for a site, the organisation's endorsement of it. */
export interface Credentials {
  readonly bootKey: PublicKey;
  /** Null for the enclave. */
  readonly organisation: OrganisationId | null;
  /** Opaque here, at most 8 KiB; empty for the enclave. */
  readonly endorsement: Uint8Array;
}

/** How this side judges the other's evidence. */
export interface Appraisal {
  readonly registry: VerifierRegistry;
  readonly policy: AppraisalPolicy;
  readonly environment: Environment;
  /** Sees every verdict, good or bad. */
  readonly onResult?: (result: AttestationResult) => void;
}

export interface SessionPeer {
  readonly role: Role;
  /** Null for the enclave. */
  readonly organisation: OrganisationId | null;
  readonly bootKey: PublicKey;
  /** The newest statement the peer says it knows; a claim until the application has checked the chain. */
  readonly head: Head;
  readonly result: AttestationResult;
  /** H("evidence", the peer's evidence message). */
  readonly evidenceDigest: Digest;
  readonly endorsement: Uint8Array;
}

export interface EvidenceExchangeOptions {
  readonly ownRole: Role;
  readonly exporter: Exporter;
  readonly contractDigest: Digest;
  readonly appraisal: Appraisal;
  readonly attester: BinderAttester;
  /** Absent: no device attests beside this program's processor. */
  readonly devices?: DeviceAttester | undefined;
  readonly head: () => Head;
  readonly credentials: () => Credentials;
  /** Asked after a peer's evidence was affirmed, every time. */
  readonly admit: (peer: SessionPeer) => Promise<Result<null, Refusal>>;
  readonly clock: ChannelClock;
}

/** Evidence of the devices attached to this machine. */
export interface DeviceAttester {
  /** One piece for each device, in a fixed order, made for `deviceNonce(sessionNonce, index)`. Rejects like an Attester. */
  attest(sessionNonce: Uint8Array): Promise<readonly Uint8Array[]>;
}

export const evidenceDigest = (message: Uint8Array): Digest => hash('evidence', message);

/** Makes this side's evidence and judges the other's, both bound to this session (PROTOCOL §4.3). */
export class EvidenceExchange {
  readonly #options: EvidenceExchangeOptions;

  constructor(options: EvidenceExchangeOptions) {
    this.#options = options;
  }

  /** The evidence message that answers `challenge`. Rejects like the attester. */
  async produce(challenge: Challenge): Promise<Uint8Array> {
    const { ownRole, attester, devices: attached, head, credentials } = this.#options;
    const { bootKey, organisation, endorsement } = credentials();
    const devices = [...((await attached?.attest(challenge.nonce)) ?? [])];
    const claimed = { bootKey, organisation, head: head(), devices };
    const { evidence, path } = await attester.attest(await this.#binder(ownRole, challenge, claimed));
    const { attestationSequence } = challenge;
    return encodeEvidenceMessage({
      attestationSequence,
      ...claimed,
      evidence,
      path: { ...path, siblings: [...path.siblings] },
      endorsement,
    });
  }

  /** Throws RefusalError: E-ATTEST-… with every failed check, E-MESSAGE-INVALID, or what `admit` says. */
  async accept(message: Uint8Array, challenge: Challenge): Promise<SessionPeer> {
    const { appraisal, clock, admit } = this.#options;
    const role: Role = this.#options.ownRole === 'site' ? 'enclave' : 'site';
    const decoded = decodeEvidenceMessage(message);
    if (!decoded.ok) throw new RefusalError(decoded.error);
    const said = decoded.value;
    checkPlausible(said, role, challenge);
    const binder = await this.#binder(role, challenge, said);
    const reportData = rootOfPath(binder.bytes, said.path);
    if (reportData === null) throw new RefusalError(refusal('E-ATTEST-BINDING', 'the binder path cannot exist'));
    const { policy, environment } = appraisal;
    const result = appraisal.registry.verify(said.evidence, {
      role,
      reportData,
      policy,
      environment,
      at: clock.now(),
      devices: { nonce: challenge.nonce, evidence: said.devices },
    });
    appraisal.onResult?.(result);
    const refused = refusalOf(result);
    if (refused !== null) throw new RefusalError(refused);
    const { organisation, bootKey, head, endorsement } = said;
    const peer = { role, organisation, bootKey, head, result, evidenceDigest: evidenceDigest(message), endorsement };
    const admitted = await admit(peer);
    if (!admitted.ok) throw new RefusalError(admitted.error);
    return peer;
  }

  async #binder(
    role: Role,
    { nonce, attestationSequence }: Challenge,
    claimed: Pick<EvidenceMessage, 'bootKey' | 'organisation' | 'head' | 'devices'>,
  ): Promise<Binder> {
    const exportedKey = await this.#options.exporter(
      'attest',
      attestationKeyContext({ role, nonce, attestationSequence }),
    );
    const { bootKey, organisation, head, devices } = claimed;
    const { contractDigest } = this.#options;
    return new Binder({
      role,
      exportedKey,
      nonce,
      attestationSequence,
      bootKey,
      organisation,
      contractDigest,
      deviceEvidence: devices.length === 0 ? null : deviceEvidenceDigest(devices),
      head,
    });
  }
}

function checkPlausible(said: EvidenceMessage, role: Role, { attestationSequence }: Challenge): void {
  if (said.attestationSequence !== attestationSequence) {
    const compared = { got: `${said.attestationSequence}`, want: `${attestationSequence}` };
    throw new RefusalError(refusal('E-ATTEST-BINDING', 'attestation number', compared));
  }
  const belongs =
    role === 'site' ? said.organisation !== null : said.organisation === null && said.endorsement.length === 0;
  if (!belongs) throw new RefusalError(refusal('E-MESSAGE-INVALID', 'organisation and endorsement belong to a site'));
}
