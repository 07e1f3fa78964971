import { signAcknowledgement } from '../lib/audit/acknowledgement.ts';
import { decodePublication, type Publication } from '../lib/audit/passport-bundle.ts';
import {
  decodeEnclaveMessage,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type EnclaveMessage,
  type SiteMessage,
} from '../lib/audit/session-message.ts';
import { headOfChain, isOnChain, type Chain } from '../lib/audit/chain.ts';
import { bytesEqual, toHex } from '../lib/core/bytes.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { Instant, PublicKey } from '../lib/core/ids.ts';
import type { Result } from '../lib/core/result.ts';
import { FailStopQueue, SerialQueue } from '../lib/core/serial-queue.ts';
import { SALT_BYTES, updateCommitment } from '../lib/learning/update-codec.ts';
import { encodeWeights } from '../lib/learning/weights.ts';
import type { BlobStore } from '../lib/store/blob-store.ts';
import type { EventStore } from '../lib/store/event-store.ts';
import { isBackupAccepted } from './accepted-backups.ts';
import { decide, mayGiveModel } from './decider.ts';
import { encodeSiteEvent } from './event-codec.ts';
import type { SiteCommand, SiteEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { headProof } from './head-proof.ts';
import type { LedgerRound, PrivacyLedger } from './privacy-ledger.ts';
import { RememberedDebits } from './remembered-debits.ts';
import { replaySite, siteStream, type ReplayedSite } from './replay-site.ts';
import { keepModel, keepOnly, keptModel, updateKey } from './kept-models.ts';
import type { ModelName, SiteEnvironment, SiteModel, SiteState } from './state.ts';

/** The attested channel to the enclave, as the agent needs it. */
export interface EnclaveLink {
  /** Attested `BOOT_E` of this session. */
  readonly bootKey: PublicKey;
  send(message: Uint8Array): Promise<void>;
  /** null: the enclave ended the session cleanly. */
  next(): Promise<Uint8Array | null>;
}

export interface AgentPorts {
  readonly events: EventStore;
  readonly blobs: BlobStore;
  readonly now: () => Instant;
  /** A fresh endorsement of this boot's key, at most 24 h long. */
  readonly endorse: () => Uint8Array;
  /** What this hospital's patients may be exposed to; debited before a training begins (PROTOCOL §7.5). */
  readonly ledger: Pick<PrivacyLedger, 'refusalOf' | 'debit' | 'recover'>;
  /** One update for the parent model: `salt || plaintext`. Called at most once for each parent. */
  readonly train: (parent: SiteModel, round: number) => Promise<Uint8Array>;
  /** Told of every stored event. */
  readonly onEvent: (event: SiteEvent) => void;
  /** Keeps a model that passed every check, before the agent remembers having it: after a crash it is kept again. */
  readonly onModel: (received: { readonly model: SiteModel; readonly bundle: Uint8Array }) => Promise<void>;
  /** Told when an enclave does not have the statement of `counter`, this hospital's newest, and asks for its proof. */
  readonly onHeadAsked: (counter: number) => void;
  /** Told of what was refused, by this site or by the enclave. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Told of what is no refusal, a bug or an I/O fault of this program: it must end. */
  readonly onFault: (fault: unknown) => void;
}

/** The hospital's program at run time: one command at a time through the pure decider, stored before anything is sent. */
export class Agent {
  readonly #environment: SiteEnvironment;
  readonly #ports: AgentPorts;
  readonly #queue: FailStopQueue;
  readonly #outgoing = new SerialQueue();
  #state: SiteState;
  #version: number;
  #link: EnclaveLink | null = null;
  readonly #trainings = new SerialQueue();
  /** The head was proven in the present session. */
  #proved = false;

  private constructor(environment: SiteEnvironment, ports: AgentPorts, { state, version }: ReplayedSite) {
    this.#environment = environment;
    this.#ports = ports;
    this.#queue = new FailStopQueue(ports.onFault);
    this.#state = state;
    this.#version = version;
  }

  /** Replays the stored log. Throws RefusalError on a log that cannot be read, and E-CONTRACT-SUPERSEDED on one that ended. */
  static async start(environment: SiteEnvironment, ports: AgentPorts, initial: SiteState): Promise<Agent> {
    const debits = new RememberedDebits();
    const { state, version } = await replaySite(ports.events, environment.sealed, initial, (event) => {
      debits.note(event);
    });
    if (state.supersededBy !== null)
      throw new RefusalError(refusal('E-CONTRACT-SUPERSEDED', `by ${toHex(state.supersededBy)}`));
    // A ledger that was put back alone, or cut short, is behind what the log knows.
    for (const round of debits.rounds) await ports.ledger.recover(round);
    await weightsOf(ports.blobs, state.model, environment);
    await keepOnly(ports.blobs, state.model, environment.sealed.contract);
    return new Agent(environment, ports, { state, version });
  }

  get #stream(): string {
    return siteStream(this.#environment.sealed.digest);
  }

  get state(): SiteState {
    return this.#state;
  }

  get #nextRound(): LedgerRound {
    const { digest: parent, round } = this.#state.released;
    return { parent, round: round + 1 };
  }

  /** Serves one attested session until the enclave ends it; rejects when the channel breaks. */
  async serve(link: EnclaveLink): Promise<void> {
    this.#link = link;
    this.#proved = false;
    try {
      await this.#handle({ type: 'trust-boot-key', bootKey: link.bootKey });
      const { withdrawal, chain, model } = this.#state;
      if (withdrawal !== null) this.#send({ type: 'withdrawal', withdrawal });
      this.#send({ type: 'sync', head: headOfChain(chain), round: model.round });
      this.#resume();
      for (;;) {
        const bytes = await link.next();
        if (bytes === null) {
          this.#checkServed();
          return;
        }
        await this.#receive(bytes);
      }
    } finally {
      this.#link = null;
    }
  }

  /**
   * Takes effect here at once, and at the enclave if it arrives before the final upload frame, else with the next round
   * (PROTOCOL §6.3). Throws RefusalError for what is no withdrawal of this hospital from this contract.
   */
  async withdraw(withdrawal: Uint8Array): Promise<void> {
    await this.#handle({ type: 'withdraw', withdrawal });
    this.#send({ type: 'withdrawal', withdrawal });
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    if (bytes.length > MAX_MESSAGE_BYTES) throw new RefusalError(refusal('E-CHANNEL-SIZE'));
    const message = decodeEnclaveMessage(bytes);
    if (!message.ok) throw new RefusalError(message.error);
    await this.#handleMessage(message.value);
  }

  async #handleMessage(message: EnclaveMessage): Promise<void> {
    switch (message.type) {
      case 'publication':
        return this.#trustPublication(message.publication);
      case 'history':
        for (const statement of message.statements) await this.#handle(await this.#received(statement, false));
        return;
      case 'statement':
        await this.#lookForAcceptance();
        return this.#handle(await this.#received(message.statement, true));
      case 'release': {
        const { bundle, weights } = message;
        return this.#handle({ type: 'receive-release', bundle, weights });
      }
      case 'received':
        return;
      case 'model-wanted': {
        if (!mayGiveModel(this.#environment, this.#state, message.model)) return;
        const { weights } = await weightsOf(this.#ports.blobs, this.#state.model, this.#environment);
        this.#send({ type: 'model', weights: encodeWeights(weights) });
        return;
      }
      case 'prove-head':
        this.#proveHead();
        return;
      case 'refused': {
        const refused = refusal(message.code, `the enclave says: ${message.detail}`);
        // It serves nobody any more: no later message of this session could mean anything.
        if (refused.code === 'E-STATE-BEHIND') throw new RefusalError(refused);
        this.#ports.onRefused(refused);
        return;
      }
    }
  }

  /** While this hospital stays out: somebody may have accepted it meanwhile (`consilium site accept-backup`). */
  async #lookForAcceptance(): Promise<void> {
    const { behind: counter } = this.#state;
    if (counter === null) return;
    const { digest: contract } = this.#environment.sealed;
    if (await isBackupAccepted(this.#ports.events, { contract, counter }))
      await this.#handle({ type: 'accept-backup', counter });
  }

  /** Once in a session: the enclave's answer ends it, whatever it is. */
  #proveHead(): void {
    if (this.#proved) throw new RefusalError(refusal('E-CHANNEL-STATE', 'a second prove-head in one session'));
    this.#proved = true;
    const proof = headProof(this.#state);
    if (!proof.ok) throw new RefusalError(proof.error);
    this.#ports.onHeadAsked(this.#state.chain.length - 1);
    this.#send(proof.value);
  }

  /** A session in which the enclave asked for proof served nothing, however cleanly it ended. */
  #checkServed(): void {
    if (this.#proved) throw new RefusalError(refusal('E-HEAD-UNPROVEN', 'the enclave has no use for its proof'));
  }

  async #received(statement: Uint8Array, live: boolean): Promise<SiteCommand> {
    const { now, endorse, ledger } = this.#ports;
    const unaffordable = live ? await ledger.refusalOf(this.#nextRound) : null;
    return { type: 'receive-statement', at: now(), statement, live, endorsement: endorse(), unaffordable };
  }

  /** Boot keys of earlier boots of the enclave count only behind evidence that this hospital appraises itself. */
  async #trustPublication(bytes: Uint8Array): Promise<void> {
    const publication = decodePublication(bytes);
    if (!publication.ok) throw new RefusalError(publication.error);
    const { sealed, appraise } = this.#environment;
    const refused =
      faultOf(publication.value, sealed.digest, this.#state.chain) ??
      appraise(publication.value, sealed).refusals[0] ??
      null;
    if (refused !== null) throw new RefusalError(refused);
    await this.#handle({ type: 'trust-publication', publication: publication.value });
  }

  /** A statement or release that is refused ends the session: this hospital is being shown something inadmissible. */
  async #handle(command: SiteCommand): Promise<void> {
    const events = await this.#queue.run(() => this.#decide(command));
    if (!events.ok) throw new RefusalError(events.error);
    for (const event of events.value) {
      this.#ports.onEvent(event);
      if (event.type === 'declined') this.#ports.onRefused(event.refusal);
    }
    if (events.value.some(({ type }) => ANSWERED.has(type))) this.#resume();
  }

  async #decide(command: SiteCommand): Promise<Result<readonly SiteEvent[], Refusal>> {
    const decision = decide(this.#environment, this.#state, command);
    if (!decision.ok || decision.value.length === 0) return decision;
    for (const event of decision.value) {
      if (event.type === 'model-received') await this.#keep(event);
      // Before the log remembers it: after a crash the same statement comes again, and finds the entry.
      if (event.type === 'commit-recovered' || event.type === 'debit-recovered')
        await this.#ports.ledger.recover(this.#nextRound);
    }
    const appended = await this.#ports.events.append(this.#stream, this.#version, decision.value.map(encodeSiteEvent));
    if (!appended.ok) throw new RefusalError(appended.error);
    this.#version = appended.value;
    for (const event of decision.value) this.#state = evolve(this.#state, event);
    if (decision.value.some(({ type }) => type === 'model-received')) await this.#tidy();
    return decision;
  }

  /** Only ever inside the queue: between the two writes of `#decide` a model is kept that no log names yet. */
  #tidy(): Promise<void> {
    return keepOnly(this.#ports.blobs, this.#state.model, this.#environment.sealed.contract);
  }

  async #keep({ model: name, received }: Extract<SiteEvent, { type: 'model-received' }>): Promise<void> {
    if (received === null) throw new Error('a model without its weights');
    const model = { ...name, weights: received.weights };
    await this.#ports.onModel({ model, bundle: received.bundle });
    await keepModel(this.#ports.blobs, model);
  }

  /** Sends what the present activity owes the enclave; all of it may be sent twice. */
  #resume(): void {
    const { activity } = this.#state;
    switch (activity.phase) {
      case 'waiting':
        return;
      case 'committed':
        this.#send({ type: 'commit', commit: activity.commit, endorsement: activity.endorsement });
        return;
      case 'training':
        this.#beside(this.#trainings.run(() => this.#train()));
        return;
      case 'uploading':
        this.#beside(this.#upload());
        return;
      case 'acknowledged': {
        this.#send({ type: 'acknowledgement', ...this.#acknowledge(activity) });
        return;
      }
    }
  }

  /** The stored acknowledgement, signed by this boot: its endorsement goes with it, and an earlier boot's is gone. */
  #acknowledge({ intent }: Extract<SiteState['activity'], { phase: 'acknowledged' }>): {
    acknowledgement: Uint8Array;
    endorsement: Uint8Array;
  } {
    const { sealed, organisation, signer } = this.#environment;
    const fields = { contract: sealed.digest, intent: intent.digest, organisation, at: this.#ports.now() };
    return { acknowledgement: signAcknowledgement(fields, signer), endorsement: this.#ports.endorse() };
  }

  /** Work beside the session's messages: what is refused is told, anything else is a fault of the program. */
  #beside(work: Promise<void>): void {
    work.catch((fault: unknown) => {
      if (fault instanceof RefusalError) this.#ports.onRefused(fault.refusals[0]);
      else this.#ports.onFault(fault);
    });
  }

  /**
   * One training at a time, and none that is not paid for; the payload is stored before it is announced, so that a retry
   * sends the same bytes, and pays for them if another contract does (PROTOCOL §7.9). When a
   * training ends after its round did, its payload is for another parent than the present one and is not announced.
   */
  async #train(): Promise<void> {
    const { activity, model } = this.#state;
    if (activity.phase !== 'training') return;
    const { parent, round } = activity.manifest.statement;
    await this.#ports.ledger.debit({ parent, round });
    const payload =
      (await this.#ports.blobs.get(updateKey(parent, this.#environment.sealed.contract))) ??
      (await this.#prepare(model));
    await this.#queue.run(() => this.#tidy());
    const now = this.#state.activity;
    if (payload === null || now.phase !== 'training' || !bytesEqual(now.manifest.statement.parent, parent)) return;
    const commit = updateCommitment(payload.subarray(0, SALT_BYTES), payload.subarray(SALT_BYTES));
    await this.#handle({ type: 'finish-training', parent, commit, payloadBytes: payload.length });
  }

  /** null: the round went on without this training, and its parent model is gone. */
  async #prepare(parent: ModelName): Promise<Uint8Array | null> {
    const { blobs, train } = this.#ports;
    const model = await keptModel(blobs, parent, this.#environment);
    if (model === null && bytesEqual(this.#state.model.digest, parent.digest)) throw missing(parent);
    if (model === null) return null;
    const payload = await train(model, parent.round + 1);
    await blobs.put(updateKey(parent.digest, this.#environment.sealed.contract), payload);
    return payload;
  }

  async #upload(): Promise<void> {
    const { activity, withdrawal } = this.#state;
    if (activity.phase !== 'uploading' || withdrawal !== null) return;
    const payload = await this.#ports.blobs.get(
      updateKey(activity.manifest.statement.parent, this.#environment.sealed.contract),
    );
    if (payload === null)
      throw new RefusalError(refusal('E-STORE-DAMAGED', 'the announced update is not in the store'));
    this.#send({ type: 'update-header', header: activity.header });
    this.#send({ type: 'update', payload });
  }

  /** In order, on the present session only; a broken channel shows itself at `next`. */
  #send(message: SiteMessage): void {
    const link = this.#link;
    if (link === null) return;
    this.#outgoing.run(() => link.send(encodeMessage(message))).catch(() => undefined);
  }
}

const ANSWERED: ReadonlySet<SiteEvent['type']> = new Set([
  'committed',
  'cohort-accepted',
  'update-ready',
  'acknowledged',
]);

/** The model that the log names. Throws RefusalError E-STORE-DAMAGED when it is not in the store. */
async function weightsOf(blobs: BlobStore, name: ModelName, environment: SiteEnvironment): Promise<SiteModel> {
  const model = await keptModel(blobs, name, environment);
  if (model === null) throw missing(name);
  return model;
}

const missing = ({ digest }: ModelName): RefusalError =>
  new RefusalError(refusal('E-STORE-DAMAGED', `model ${toHex(digest)} is missing`));

/** A publication of another study, or of another chain than the one this hospital follows, vouches for nothing here. */
function faultOf({ contract, genesis, head }: Publication, own: Uint8Array, chain: Chain): Refusal | null {
  if (!bytesEqual(contract, own)) return refusal('E-ATTEST-BINDING', 'publication for another contract');
  const [known] = chain;
  if (known !== undefined && !bytesEqual(known, genesis))
    return refusal('E-STATEMENT-CHAIN', 'publication of another genesis');
  if (head.counter < chain.length && !isOnChain(chain, head))
    return refusal('E-STATEMENT-CHAIN', 'publication of another chain');
  return null;
}
