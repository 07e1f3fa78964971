import { bytesEqual as sameBytes } from '../core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../core/errors.ts';
import { ANSWER_MS, Challenger, type AskedChallenge } from './challenger.ts';
import type { ChannelClock } from './clock.ts';
import type { FrameDuplex } from './duplex.ts';
import type { EvidenceExchange, SessionPeer } from './evidence-exchange.ts';
import type { OpenedFrame } from './frame-cipher.ts';
import { Inbox } from './inbox.ts';
import { fragmentsOf, MessageAssembler } from './message-fragments.ts';
import { within } from './patience.ts';
import type { Random } from './random.ts';
import { Responder } from './responder.ts';
import type { SealedLink } from './sealed-link.ts';
import { decodeRefuse, encodeChallenge, encodeRefuse, type Challenge } from './sealed-messages.ts';

/** PROTOCOL §4.6: a new session hourly. */
export const SESSION_LIFETIME_MS = 3_600_000;
/** A message whose next fragment takes longer than this is a slow-loris. */
const FRAGMENT_WAIT_MS = 60_000;
const CLOSE_WAIT_MS = 5_000;
const REFUSE_WAIT_MS = 1_000;

/** An open session: both sides have shown and accepted evidence, and go on doing so while it lasts. */
export interface AttestedSession {
  /** 32 bytes, the same on both sides. */
  readonly sessionId: Uint8Array;
  /** As of the newest accepted evidence. */
  readonly peer: SessionPeer;
  /**
   * Resolves when the transport took the whole message; the bytes must not change until then. Rejects with
   * RefusalError once the session has ended: E-ATTEST-STALE, E-CHANNEL-…, or what the peer refused with.
   */
  send(message: Uint8Array): Promise<void>;
  /** The next message; null: the peer (or this side) ended cleanly. Rejects like `send`. */
  next(): Promise<Uint8Array | null>;
  /** Ends cleanly, after the messages being sent. Safe to call again. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly duplex: FrameDuplex;
  readonly link: SealedLink;
  readonly exchange: EvidenceExchange;
  readonly peer: SessionPeer;
  readonly clock: ChannelClock;
  readonly random: Random;
  readonly reattestIntervalMs: number;
  /** Monotonic time at which the nonce of the peer's first evidence was drawn. */
  readonly askedAtMs: number;
  readonly maxMessageBytes: number;
}

/**
 * The open part of PROTOCOL §4:
 *
 *     open ──close()──▶ closing ──final, or 5 s──▶ ended
 *     open ──final──────────────────────────────▶ ended
 *     open | closing ──any failure──────────────▶ ended, with its refusal
 */
export class Session implements AttestedSession {
  readonly sessionId: Uint8Array;
  readonly #options: SessionOptions;
  readonly #inbox: Inbox;
  readonly #assembler: MessageAssembler;
  readonly #challenger: Challenger;
  readonly #responder: Responder;
  readonly #cancelLifetime: () => void;
  readonly #ended = Promise.withResolvers<null>();
  #state: { phase: 'open' | 'closing' } | { phase: 'ended'; fault: Error | null } = { phase: 'open' };
  #peer: SessionPeer;
  #outgoing: Promise<unknown> = Promise.resolve();
  #cancelFragmentWait: () => void = () => undefined;
  #cancelGoodbye: () => void = () => undefined;

  constructor(options: SessionOptions) {
    const { clock, random, reattestIntervalMs: intervalMs, askedAtMs, link } = options;
    this.#options = options;
    this.sessionId = link.sessionId;
    this.#peer = options.peer;
    this.#inbox = new Inbox(options.maxMessageBytes);
    this.#assembler = new MessageAssembler(options.maxMessageBytes);
    this.#responder = new Responder({ clock, intervalMs });
    this.#challenger = new Challenger({
      clock,
      random,
      intervalMs,
      askedAtMs,
      send: (challenge) => {
        this.#detached(link.send('challenge', encodeChallenge(challenge)));
      },
      onUnanswered: (refused) => {
        this.#fail(new RefusalError(refused));
      },
    });
    this.#cancelLifetime = clock.after(SESSION_LIFETIME_MS, () => {
      this.#fail(new RefusalError(refusal('E-CHANNEL-EXPIRED', 'lifetime')));
    });
    this.#detached(this.#pump());
  }

  get peer(): SessionPeer {
    return this.#peer;
  }

  send(message: Uint8Array): Promise<void> {
    if (this.#state.phase !== 'open') return Promise.reject(this.#whyEnded());
    const sent = this.#outgoing.then(async () => {
      if (message.length > this.#options.maxMessageBytes) throw refused('E-CHANNEL-SIZE', 'application message');
      for (const fragment of fragmentsOf(message)) {
        this.#checkMayPass();
        await this.#orFail(this.#options.link.send('application', fragment));
      }
    });
    this.#outgoing = sent.catch(() => undefined);
    return sent;
  }

  next(): Promise<Uint8Array | null> {
    return this.#inbox.next();
  }

  async close(): Promise<void> {
    if (this.#state.phase === 'open') {
      this.#state = { phase: 'closing' };
      this.#inbox.end({ kind: 'clean' });
      this.#detached(this.#sayGoodbye());
    }
    await this.#ended.promise;
  }

  async #sayGoodbye(): Promise<void> {
    const { link, clock } = this.#options;
    await within(
      clock,
      CLOSE_WAIT_MS,
      this.#outgoing.then(() => link.send('final', new Uint8Array())),
    ).catch(() => {
      this.#end(null);
    });
    if (this.#isEnded()) return;
    this.#cancelGoodbye = clock.after(CLOSE_WAIT_MS, () => {
      this.#end(null);
    });
  }

  async #pump(): Promise<void> {
    while (this.#state.phase !== 'ended') {
      await this.#inbox.room();
      const frame = await this.#options.link.receive();
      if (this.#isEnded()) return;
      if (frame === null) throw refused('E-CHANNEL-TRUNCATED');
      await this.#handle(frame);
    }
  }

  async #handle({ type, plaintext }: OpenedFrame): Promise<void> {
    switch (type) {
      case 'application':
        this.#onApplication(plaintext);
        return;
      case 'challenge':
        this.#onChallenge(plaintext);
        return;
      case 'evidence':
        await this.#onEvidence(plaintext);
        return;
      case 'refuse': {
        const code = decodeRefuse(plaintext);
        if (!code.ok) throw new RefusalError(code.error);
        this.#end(refused(code.value, 'said by the peer'));
        return;
      }
      case 'final':
        await this.#onFinal();
        return;
      case 'confirm':
        throw refused('E-CHANNEL-STATE', 'a confirm in an open session');
    }
  }

  #onApplication(fragment: Uint8Array): void {
    this.#checkMayPass();
    this.#cancelFragmentWait();
    const message = this.#assembler.push(fragment);
    if (!message.ok) throw new RefusalError(message.error);
    if (message.value !== null) {
      this.#inbox.push(message.value);
      return;
    }
    this.#cancelFragmentWait = this.#options.clock.after(FRAGMENT_WAIT_MS, () => {
      this.#fail(refused('E-CHANNEL-TIMEOUT', 'the rest of a message'));
    });
  }

  #onChallenge(message: Uint8Array): void {
    const challenge = this.#responder.begin(message);
    if (!challenge.ok) throw new RefusalError(challenge.error);
    this.#detached(this.#answer(challenge.value));
  }

  async #answer(challenge: Challenge): Promise<void> {
    const { exchange, link, clock } = this.#options;
    const message = await within(clock, ANSWER_MS, exchange.produce(challenge));
    if (this.#state.phase === 'ended') return;
    await link.send('evidence', message);
    this.#responder.done();
  }

  async #onEvidence(message: Uint8Array): Promise<void> {
    const asked = this.#challenger.take();
    if (asked === null) throw refused('E-CHANNEL-STATE', 'evidence that nobody asked for');
    const peer = await this.#acceptFromSamePeer(message, asked);
    if (this.#state.phase === 'ended') return;
    this.#peer = peer;
    this.#challenger.accepted(asked);
  }

  /** A session belongs to one boot of one peer: neither may change under way. */
  async #acceptFromSamePeer(message: Uint8Array, { challenge }: AskedChallenge): Promise<SessionPeer> {
    const peer = await this.#options.exchange.accept(message, challenge);
    const same = peer.organisation === this.#peer.organisation && sameBytes(peer.bootKey, this.#peer.bootKey);
    if (!same) throw refused('E-ATTEST-BINDING', 'another organisation or boot key than at the start of the session');
    return peer;
  }

  async #onFinal(): Promise<void> {
    if (this.#assembler.isPartial) throw refused('E-CHANNEL-TRUNCATED', 'ended within a message');
    if (this.#state.phase === 'open') {
      const { clock, link } = this.#options;
      this.#state = { phase: 'closing' };
      this.#inbox.end({ kind: 'clean' });
      await within(clock, REFUSE_WAIT_MS, link.send('final', new Uint8Array())).catch(() => undefined);
    }
    this.#end(null);
  }

  /** PROTOCOL §4.6: no application frame passes, in or out, on stale evidence. Ends the session if it is. */
  #checkMayPass(): void {
    if (this.#state.phase === 'ended') throw this.#whyEnded();
    if (!this.#challenger.isStale) return;
    const stale = refused('E-ATTEST-STALE');
    this.#fail(stale);
    throw stale;
  }

  async #orFail<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (fault) {
      this.#fail(fault);
      throw this.#whyEnded();
    }
  }

  #whyEnded(): Error {
    const fault = this.#state.phase === 'ended' ? this.#state.fault : null;
    return fault ?? refused('E-CHANNEL-TRUNCATED', 'the session has ended');
  }

  /** For work that nobody waits for: its failure is the session's. */
  #detached(work: Promise<unknown>): void {
    work.catch((fault: unknown) => {
      this.#fail(fault);
    });
  }

  /** Ends with `thrown` and tells the peer its code. */
  #fail(thrown: unknown): void {
    if (this.#state.phase === 'ended') return;
    const { link, duplex, clock } = this.#options;
    const fault = thrown instanceof Error ? thrown : new Error('not an error was thrown', { cause: thrown });
    const code = fault instanceof RefusalError ? fault.refusals[0].code : null;
    this.#finish(fault);
    const told = code === null ? Promise.resolve() : link.send('refuse', encodeRefuse(code));
    void within(clock, REFUSE_WAIT_MS, told)
      .catch(() => undefined)
      .then(() => {
        duplex.close(code ?? 'fault');
      });
  }

  #end(fault: Error | null): void {
    if (this.#state.phase === 'ended') return;
    this.#finish(fault);
    this.#options.duplex.close();
  }

  #finish(fault: Error | null): void {
    this.#state = { phase: 'ended', fault };
    this.#challenger.stop();
    this.#cancelLifetime();
    this.#cancelFragmentWait();
    this.#cancelGoodbye();
    this.#inbox.end(fault === null ? { kind: 'clean' } : { kind: 'fault', fault });
    this.#ended.resolve(null);
  }

  #isEnded(): boolean {
    return this.#state.phase === 'ended';
  }
}

const refused = (code: Refusal['code'], detail = ''): RefusalError => new RefusalError(refusal(code, detail));
