import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import type { DeviceAttester } from './evidence-exchange.ts';
import type { Digest } from '../core/ids.ts';
import { bytesEqual } from '../core/bytes.ts';
import { err, type Result } from '../core/result.ts';
import type { BinderAttester } from './attestation-batcher.ts';
import type { ChannelClock } from './clock.ts';
import type { FrameDuplex } from './duplex.ts';
import type { Appraisal, EvidenceExchangeOptions } from './evidence-exchange.ts';
import type { FrameType } from './frame-cipher.ts';
import { encodeDeclined, MAX_HANDSHAKE_BYTES } from './handshake-messages.ts';
import { within } from './patience.ts';
import type { Random } from './random.ts';
import { overTransport, type SealedLink } from './sealed-link.ts';
import { decodeConfirm, decodeRefuse, encodeRefuse, type Confirm } from './sealed-messages.ts';
import type { AttestedSession } from './session.ts';

/** Each awaited message of the handshake, and the handshake as a whole. */
const STEP_MS = 30_000;
const HANDSHAKE_MS = 60_000;
const REFUSE_WAIT_MS = 1_000;

/** What both sides need for a session. */
export interface SharedSessionOptions {
  readonly duplex: FrameDuplex;
  readonly contractDigest: Digest;
  /** From the contract: 30 s to 60 min. */
  readonly reattestIntervalMs: number;
  /** How the peer is judged. */
  readonly appraisal: Appraisal;
  readonly attester: BinderAttester;
  /** Of the GPUs beside this program's processor; absent: none attests. */
  readonly devices?: DeviceAttester | undefined;
  /** The newest statement this side knows, read at every attestation. */
  readonly head: EvidenceExchangeOptions['head'];
  readonly clock: ChannelClock;
  readonly random: Random;
  /** Largest application message in either direction; 64 MiB unless given. */
  readonly maxMessageBytes?: number;
}

/** One run of the handshake: what it waits for, for how long, and how it gives up. */
export class Handshake {
  readonly #duplex: FrameDuplex;
  readonly #clock: ChannelClock;
  readonly #untilMs: number;
  #link: SealedLink | null = null;

  constructor({ duplex, clock }: { duplex: FrameDuplex; clock: ChannelClock }) {
    this.#duplex = duplex;
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + HANDSHAKE_MS;
  }

  /** From here on a refusal can be told to the peer in a sealed frame. */
  sealed(link: SealedLink): void {
    this.#link = link;
  }

  sendPlain(message: Uint8Array): Promise<void> {
    return this.#patiently(overTransport(this.#duplex.send(message)));
  }

  /** Throws RefusalError: E-CHANNEL-TIMEOUT, E-CHANNEL-TRUNCATED, E-CHANNEL-SIZE. */
  async receivePlain(): Promise<Uint8Array> {
    const message = await this.#patiently(overTransport(this.#duplex.next()));
    if (message === null) throw refused('E-CHANNEL-TRUNCATED', 'the transport ended during the handshake');
    if (message.length > MAX_HANDSHAKE_BYTES) throw refused('E-CHANNEL-SIZE', 'handshake message');
    return message;
  }

  /** The plaintext of the next frame, which must be of `type`: anything else is fatal (PROTOCOL §4.4). */
  async receiveSealed(link: SealedLink, type: FrameType): Promise<Uint8Array> {
    const frame = await this.#patiently(link.receive());
    if (frame === null) throw refused('E-CHANNEL-TRUNCATED', 'the transport ended during the handshake');
    if (frame.type === 'refuse') {
      const code = unwrap(decodeRefuse(frame.plaintext));
      throw new PeerRefusal(refusal(code, 'said by the peer'));
    }
    if (frame.type !== type) throw refused('E-CHANNEL-STATE', `a frame of type ${frame.type} instead of ${type}`);
    return frame.plaintext;
  }

  sendSealed(link: SealedLink, type: FrameType, plaintext: Uint8Array): Promise<void> {
    return this.#patiently(link.send(type, plaintext));
  }

  async receiveConfirm(link: SealedLink, wanted: Confirm): Promise<void> {
    const said = unwrap(decodeConfirm(await this.receiveSealed(link, 'confirm')));
    const agrees =
      said.role === wanted.role &&
      bytesEqual(said.enclaveEvidence, wanted.enclaveEvidence) &&
      bytesEqual(said.siteEvidence, wanted.siteEvidence);
    if (!agrees) throw refused('E-CHANNEL-STATE', 'the peer confirms other evidence');
  }

  /** Runs `steps`; a refusal becomes a value, is told to the peer and ends the transport. Faults go on up. */
  async run(steps: () => Promise<Result<AttestedSession, Refusal>>): Promise<Result<AttestedSession, Refusal>> {
    try {
      return await steps();
    } catch (fault) {
      if (!(fault instanceof RefusalError)) {
        this.#duplex.close('fault');
        throw fault;
      }
      const [first] = fault.refusals;
      if (!(fault instanceof PeerRefusal)) await this.#tell(first);
      this.#duplex.close(first.code);
      return err(first);
    }
  }

  async #tell({ code }: Refusal): Promise<void> {
    let told: Promise<void> = Promise.resolve();
    if (this.#link !== null) told = this.#link.send('refuse', encodeRefuse(code));
    else if (code === 'E-CHANNEL-VERSION' || code === 'E-CHANNEL-CONTRACT') {
      told = overTransport(this.#duplex.send(encodeDeclined({ code })));
    }
    await within(this.#clock, REFUSE_WAIT_MS, told).catch(() => undefined);
  }

  #patiently<T>(work: Promise<T>): Promise<T> {
    return within(this.#clock, Math.max(0, Math.min(STEP_MS, this.#untilMs - this.#clock.monotonicMs())), work);
  }
}

/** The peer ended the handshake; there is nothing to tell it. */
export class PeerRefusal extends RefusalError {}

/** Refusals travel through the handshake as throws and leave it as values. */
export function unwrap<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new RefusalError(result.error);
  return result.value;
}

export const refused = (
  code: Refusal['code'],
  detail: string,
  compared?: { got: string; want: string },
): RefusalError => new RefusalError(refusal(code, detail, compared));
