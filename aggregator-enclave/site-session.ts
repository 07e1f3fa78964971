import { encodeBundle, encodePublication, type Publication } from '../lib/audit/passport-bundle.ts';
import {
  decodeSiteMessage,
  encodeMessage,
  HISTORY,
  type EnclaveMessage,
  type SiteMessage,
} from '../lib/audit/session-message.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import { SerialQueue } from '../lib/core/serial-queue.ts';
import { encodeWeights } from '../lib/learning/weights.ts';
import { isOnChain, NOTHING_SEEN } from '../lib/audit/chain.ts';
import type { Head } from '../lib/contract/shapes.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { pageOf } from '../lib/core/page.ts';
import type { Decision } from './decider.ts';
import type { Enclave } from './enclave.ts';
import { passportBundleOf } from './passport-bundle-of.ts';
import type { EnclaveLedger } from './state.ts';

/** A site that is refused this often in one session is faulty or hostile: it may dial again. */
const MAX_REFUSALS = 32;
/** Of a refusal as it travels, in UTF-16 units. */
const MAX_DETAIL = 400;

/** What a session needs of the attested channel. */
export interface SessionPort {
  send(message: Uint8Array): Promise<void>;
  /** null: the site ended the session cleanly, or this side did. */
  next(): Promise<Uint8Array | null>;
  /** Ends cleanly, after what is being sent. Safe to call again; never rejects. */
  close(): Promise<void>;
}

interface Parts {
  readonly enclave: Enclave;
  readonly organisation: OrganisationId;
  readonly port: SessionPort;
  /** The head in the site's evidence (PROTOCOL §4.3). */
  readonly attestedHead: Head;
  /** Told of every message that was refused; the session goes on. */
  readonly onRefused: (refusal: Refusal) => void;
}

/** One site inside its attested session: its messages become commands, statements go out as they are issued. */
export class SiteSession {
  readonly #parts: Parts;
  readonly #outgoing = new SerialQueue();
  /** Statements before `counter` and models up to `round` are told; null before the site's sync. */
  #told: { readonly counter: number; readonly round: number } | null = null;
  #waking = false;
  /** A head that is not on this enclave's chain: the site must prove it, and is served nothing before. */
  #unproven: Head | null = null;
  #refusals = 0;
  #failure: { readonly fault: unknown } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Serves until the site leaves; rejects when the channel breaks, or with what the session ended for. */
  async run(): Promise<void> {
    const { enclave, port } = this.#parts;
    const silence = enclave.listen((event) => {
      if (event.type === 'halted') this.#tellHalted(event.refusal);
      if (event.type === 'statement-issued' || event.type === 'result-sealed') this.#wake();
    });
    try {
      if (enclave.state.phase === 'halted') this.#tellHalted(enclave.state.refusal);
      for (;;) {
        const bytes = await port.next();
        if (bytes !== null) await this.#receive(bytes);
        // Answers leave before the next message is read: a site that does not listen is not listened to.
        await this.#outgoing.run(() => Promise.resolve());
        if (this.#failure !== null) throw this.#failure.fault;
        if (bytes === null) return;
      }
    } finally {
      silence();
    }
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    // The site is being told, and the session ends.
    if (this.#parts.enclave.state.phase === 'halted') return;
    const message = decodeSiteMessage(bytes);
    if (!message.ok) {
      this.#refuse(message.error);
      return;
    }
    if (message.value.type === 'sync') return this.#receiveSync(message.value);
    if (message.value.type === 'head-proof') return this.#receiveProof(message.value);
    if (this.#unproven !== null) {
      this.#refuse(refusal('E-HEAD-UNPROVEN', 'nothing is served before the head is proven'));
      return;
    }
    const { type } = message.value;
    const decision = await this.#handle(message.value);
    if (decision.ok) this.#send({ type: 'received', what: type });
    else this.#refuse(decision.error);
  }

  async #receiveSync(message: Extract<SiteMessage, { type: 'sync' }>): Promise<void> {
    const { enclave, attestedHead } = this.#parts;
    const { state } = enclave;
    const { head } = message;
    if (this.#told !== null || this.#unproven !== null)
      throw new RefusalError(refusal('E-CHANNEL-STATE', 'a second sync in one session'));
    const { counter, digest } = head ?? NOTHING_SEEN;
    if (counter !== attestedHead.counter || !bytesEqual(digest, attestedHead.digest))
      return this.#end(refusal('E-HEAD-UNPROVEN', 'the site named another head in its evidence'));
    if (state.phase === 'unborn' || isOnChain(state.ledger.chain, head)) {
      this.#synchronise(message);
      return;
    }
    this.#unproven = head;
    this.#send({ type: 'prove-head' });
  }

  /** Ends the session whatever comes of it: with a halt, of which every session is told, or with its refusal. */
  async #receiveProof({ statement, publication }: Extract<SiteMessage, { type: 'head-proof' }>): Promise<void> {
    const { enclave, organisation: from } = this.#parts;
    const head = this.#unproven;
    if (head === null) return this.#end(refusal('E-HEAD-UNPROVEN', 'nobody asked for a proof'));
    const decision = await enclave.handle({ type: 'receive-head-proof', from, head, statement, publication });
    if (!decision.ok) await this.#end(decision.error);
  }

  #handle(message: Exclude<SiteMessage, { type: 'sync' | 'head-proof' }>): Promise<Decision> {
    const { enclave, organisation: from } = this.#parts;
    const at = enclave.ports.clock.now();
    switch (message.type) {
      case 'commit':
        return enclave.handle({
          type: 'receive-commit',
          at,
          from,
          commit: message.commit,
          endorsement: message.endorsement,
        });
      case 'update-header':
        return enclave.handle({ type: 'receive-header', from, header: message.header });
      case 'update':
        return enclave.handle({ type: 'receive-update', from, payload: message.payload });
      case 'acknowledgement': {
        const { acknowledgement, endorsement } = message;
        return enclave.handle({ type: 'receive-acknowledgement', at, from, acknowledgement, endorsement });
      }
      case 'withdrawal':
        return enclave.handle({ type: 'receive-withdrawal', from, withdrawal: message.withdrawal });
      case 'model':
        return enclave.handle({ type: 'receive-model', from, weights: message.weights });
    }
  }

  /** Publications of the boots whose statements follow, then everything behind the site's head, then a question. */
  #synchronise({ head, round }: Extract<SiteMessage, { type: 'sync' }>): void {
    const { state } = this.#parts.enclave;
    if (state.phase === 'unborn') return;
    const counter = head === null ? 0 : head.counter;
    for (const publication of publicationsFrom(state.ledger.publications, counter))
      this.#send({ type: 'publication', publication: encodePublication(publication) });
    this.#told = { counter: head === null ? 0 : head.counter + 1, round };
    this.#wake();
    const { content, digest } = state.ledger.model;
    if (content === null) this.#send({ type: 'model-wanted', model: digest });
  }

  /** Behind what waits to be sent: a session holds a place in the chain, not a queue of statements. */
  #wake(): void {
    if (this.#told === null || this.#waking) return;
    this.#waking = true;
    this.#outgoing
      .run(() => {
        this.#waking = false;
        return this.#catchUp();
      })
      .catch((fault: unknown) => {
        this.#failure ??= { fault };
      });
  }

  /**
   * History up to the newest release, its model where the site lacks it, then what is current, statement by statement,
   * until the site was told everything.
   */
  async #catchUp(): Promise<void> {
    const { enclave, port } = this.#parts;
    for (;;) {
      const { state } = enclave;
      const told = this.#told;
      if (told === null || state.phase === 'unborn' || state.phase === 'halted') return;
      const { ledger } = state;
      const settled = ledger.latest === null ? 0 : ledger.latest.release.statement.counter + 1;
      if (told.counter >= settled && told.round < ledger.model.round) {
        this.#told = { ...told, round: ledger.model.round };
        await this.#release(ledger);
        continue;
      }
      const statements = await enclave.statementsFrom(told.counter);
      const [next] = statements;
      if (next === undefined) return;
      const history = pageOf(statements.slice(0, Math.max(settled - told.counter, 0)), HISTORY);
      this.#told = { ...told, counter: told.counter + Math.max(history.length, 1) };
      await port.send(
        encodeMessage(
          history.length > 0 ? { type: 'history', statements: history } : { type: 'statement', statement: next },
        ),
      );
    }
  }

  async #release(ledger: EnclaveLedger): Promise<void> {
    const { enclave, port } = this.#parts;
    const bundle = passportBundleOf(enclave.environment.sealed, ledger);
    const { content } = ledger.model;
    if (bundle === null || content === null) throw new Error('a released model without its passport or its weights');
    const weights = encodeWeights(content.weights);
    await port.send(encodeMessage({ type: 'release', bundle: encodeBundle(bundle), weights }));
  }

  #refuse(refused: Refusal): void {
    this.#parts.onRefused(refused);
    this.#refusals += 1;
    if (this.#refusals > MAX_REFUSALS) throw new RefusalError(refused);
    this.#say(refused);
  }

  /** Refuses for good: the site hears why before the session ends. */
  async #end(refused: Refusal): Promise<void> {
    this.#parts.onRefused(refused);
    this.#say(refused);
    await this.#outgoing.run(() => Promise.resolve());
    throw new RefusalError(refused);
  }

  /** A halted enclave serves nobody: the site is told, then the session ends. */
  #tellHalted(refused: Refusal): void {
    this.#say(refused);
    void this.#outgoing.run(async () => {
      this.#failure ??= { fault: new RefusalError(refused) };
      void this.#parts.port.close();
    });
  }

  #say({ code, detail }: Refusal): void {
    this.#send({ type: 'refused', code, detail: detail.slice(0, MAX_DETAIL) });
  }

  /** In order; a failed send ends the session at its next message, or with the channel itself. */
  #send(message: EnclaveMessage): void {
    this.#outgoing
      .run(() => this.#parts.port.send(encodeMessage(message)))
      .catch((fault: unknown) => {
        this.#failure ??= { fault };
      });
  }
}

/** Those of the boots that may have signed the statement of `counter` or a later one: none signs behind the head at which the next one began. */
function publicationsFrom(publications: readonly Publication[], counter: number): Publication[] {
  return publications.filter((_, index) => {
    const next = publications[index + 1];
    return next === undefined || next.head.counter >= counter;
  });
}
