import {
  decodeEnclaveMessage,
  encodeMessage,
  type EnclaveMessage,
  type SiteMessage,
} from '../../lib/audit/session-message.ts';
import { attestationBatcher } from '../../lib/channel/attestation-batcher.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { openSiteSession } from '../../lib/channel/open-site-session.ts';
import { systemRandom } from '../../lib/channel/random.ts';
import type { AttestedSession } from '../../lib/channel/session.ts';
import type { Head } from '../../lib/contract/shapes.ts';
import { signerFromSeed, type Signer } from '../../lib/core/ed25519.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { must } from './study-in-memory.ts';
import { chipOf, clock, endorsementOf, simulatedVerifiers, type StudyInProcess } from './study-in-process.ts';
import { digestOf } from './test-contract.ts';

/** A member of the study whose program says what it likes in a session that is attested like any other. */
export class HostileSite {
  readonly signer: Signer;
  /** What the enclave told the session's observer. */
  readonly told: Refusal[] = [];
  /** Why the session ended, as the enclave says; undefined while it stands, null after a clean end. */
  ended: Refusal | null | undefined = undefined;
  readonly heard: EnclaveMessage[] = [];
  readonly #session: AttestedSession;

  private constructor(session: AttestedSession, signer: Signer) {
    this.#session = session;
    this.signer = signer;
  }

  /** `head`: what its evidence claims; `null` in its `sync` goes with {0, 32 zero bytes}. */
  static async join(
    study: Pick<StudyInProcess, 'sealed' | 'accept'>,
    organisation: OrganisationId,
    head: Head,
  ): Promise<HostileSite> {
    const { site: near, enclave: far } = duplexPair();
    const { sealed } = study;
    const signer = signerFromSeed(systemRandom(32));
    const late: { site: HostileSite | null } = { site: null };
    const observer = {
      opened: () => undefined,
      closed: (_id: unknown, refused: Refusal | null) => {
        if (late.site !== null) late.site.ended = refused;
      },
      refused: (_id: unknown, refused: Refusal) => void late.site?.told.push(refused),
    };
    void study.accept(far, observer);
    const attester = chipOf(`chip-${organisation}`).attesterFor({ measurement: digestOf('program'), role: 'site' });
    const opened = await openSiteSession({
      duplex: near,
      contractDigest: sealed.digest,
      reattestIntervalMs: sealed.contract.reattestIntervalMs,
      appraisal: { registry: simulatedVerifiers, policy: sealed.contract.appraisal.enclave, environment: 'simulation' },
      attester: attestationBatcher({ attester, clock, windowMs: 0 }),
      head: () => head,
      credentials: () => ({
        bootKey: signer.publicKey,
        organisation,
        endorsement: endorsementOf({ sealed, organisation, signer }),
      }),
      clock,
      random: systemRandom,
    });
    late.site = new HostileSite(must(opened), signer);
    return late.site;
  }

  async say(...messages: readonly SiteMessage[]): Promise<void> {
    for (const message of messages) await this.#session.send(encodeMessage(message));
  }

  /** Everything that the enclave still says, until the session is over; never rejects. */
  async listen(): Promise<readonly EnclaveMessage[]> {
    for (;;) {
      const bytes = await this.#session.next().catch(() => null);
      if (bytes === null) return this.heard;
      this.heard.push(must(decodeEnclaveMessage(bytes)));
    }
  }

  /** The next thing that the enclave says; throws when it says nothing more. */
  async hear(): Promise<EnclaveMessage> {
    const bytes = await this.#session.next();
    if (bytes === null) throw new Error('the session has ended');
    const message = must(decodeEnclaveMessage(bytes));
    this.heard.push(message);
    return message;
  }

  async leave(): Promise<void> {
    await this.#session.close();
  }
}
