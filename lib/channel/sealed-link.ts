import type { Role } from '../attestation/claims.ts';
import { utf8 } from '../core/bytes.ts';
import { refusal, RefusalError } from '../core/errors.ts';
import type { FrameDuplex } from './duplex.ts';
import { FrameOpener, FrameSealer, type FrameType, type OpenedFrame } from './frame-cipher.ts';
import type { Exporter } from './key-agreement.ts';

export interface SealedLinkOptions {
  readonly duplex: FrameDuplex;
  readonly ownRole: Role;
  readonly exporter: Exporter;
  readonly enc: Uint8Array;
}

/** Sealed frames over a transport that nobody trusts (PROTOCOL §4.2). */
export class SealedLink {
  readonly sessionId: Uint8Array;
  readonly #duplex: FrameDuplex;
  readonly #sealer: FrameSealer;
  readonly #opener: FrameOpener;
  #sending: Promise<unknown> = Promise.resolve();

  private constructor(duplex: FrameDuplex, sessionId: Uint8Array, sealer: FrameSealer, opener: FrameOpener) {
    this.#duplex = duplex;
    this.sessionId = sessionId;
    this.#sealer = sealer;
    this.#opener = opener;
  }

  static async derive({ duplex, ownRole, exporter, enc }: SealedLinkOptions): Promise<SealedLink> {
    const sessionId = await exporter('sid', enc);
    const keys = { site: await exporter('key', utf8('site')), enclave: await exporter('key', utf8('enclave')) };
    const peer = ownRole === 'site' ? 'enclave' : 'site';
    return new SealedLink(
      duplex,
      sessionId,
      new FrameSealer({ key: keys[ownRole], sessionId, direction: ownRole }),
      new FrameOpener({ key: keys[peer], sessionId, direction: peer }),
    );
  }

  /** Frames leave in the order of the calls. Rejects with RefusalError: E-CHANNEL-TRUNCATED when the transport is gone. */
  send(type: FrameType, plaintext: Uint8Array): Promise<void> {
    const sent = this.#sending.then(async () => {
      const frame = this.#sealer.seal(type, plaintext);
      if (!frame.ok) throw new RefusalError(frame.error);
      await overTransport(this.#duplex.send(frame.value));
    });
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Null: the transport ended. Rejects with RefusalError: E-CHANNEL-FRAME, E-CHANNEL-SIZE, E-CHANNEL-TRUNCATED. */
  async receive(): Promise<OpenedFrame | null> {
    const frame = await overTransport(this.#duplex.next());
    if (frame === null) return null;
    const opened = this.#opener.open(frame);
    if (!opened.ok) throw new RefusalError(opened.error);
    return opened.value;
  }
}

/** Whatever a transport throws means the same here: it is gone. */
export async function overTransport<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch {
    throw new RefusalError(refusal('E-CHANNEL-TRUNCATED', 'the transport failed'));
  }
}
