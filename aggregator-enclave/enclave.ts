import type { Attester } from '../lib/attestation/attester.ts';
import { publicationAppraiser } from '../lib/audit/appraise-publication.ts';
import type { Publication } from '../lib/audit/passport-bundle.ts';
import { ReportData } from '../lib/attestation/report-data.ts';
import type { VerifierRegistry } from '../lib/attestation/verifier.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { signerFromSeed } from '../lib/core/ed25519.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import { hash } from '../lib/core/hash.ts';
import type { Digest } from '../lib/core/ids.ts';
import { FailStopQueue } from '../lib/core/serial-queue.ts';
import type { StudyRandom } from '../lib/core/study-random.ts';
import type { DeviceAttester } from '../lib/channel/evidence-exchange.ts';
import type { ChannelClock } from '../lib/channel/clock.ts';
import type { Random } from '../lib/channel/random.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { brokenTerm } from '../lib/audit/broken-term.ts';
import { mechanismOf } from '../lib/privacy/mechanism.ts';
import { initialServerState } from '../lib/learning/server-state.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import { decide, type Decision } from './decider.ts';
import { decodeEvent, encodeEvent } from './event-codec.ts';
import { isDurable, type EnclaveCommand, type EnclaveEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { Journal } from './journal.ts';
import { noticeOf, type CoreNotice } from './notice.ts';
import type { RecordStore } from './sealed-journal.ts';
import {
  headOfState,
  INITIAL_STATE,
  modelsOf,
  type CurrentModel,
  type EnclaveEnvironment,
  type EnclaveState,
  type ModelContent,
} from './state.ts';

const SECRET_BYTES = 32;

/** Everything that the attested core needs from outside; the host owns none of its secrets. */
export interface EnclavePorts {
  readonly records: RecordStore;
  /** `SEAL`, 32 bytes. */
  readonly sealingKey: Uint8Array;
  readonly attester: Attester;
  /** Of the GPUs beside the processor; absent: none attests. */
  readonly devices?: DeviceAttester;
  readonly verifiers: VerifierRegistry;
  /** A bundle with what this machine's evidence is verified with now; absent: none is needed. */
  readonly publishedCollateral?: () => Uint8Array;
  readonly clock: ChannelClock;
  /** Nonces and keys. */
  readonly random: Random;
  /** `NOISE_ROOT` and result salts. */
  readonly studyRandom: StudyRandom;
  /** Measurement of this program. */
  readonly software: Digest;
  /** What this program was started for; must equal the contract's. */
  readonly environment: 'simulation' | 'production';
  /** Told of a fault that leaves this program's memory in doubt; it must end. */
  readonly onFault: (fault: unknown) => void;
}

type Listener = (event: EnclaveEvent, state: EnclaveState) => void;

/**
 * The attested core at run time: one command at a time through the pure decider, durable events sealed and stored
 * before anybody hears of them, then listeners (sessions, the host's event stream).
 */
export class Enclave {
  readonly ports: EnclavePorts;
  #environment: EnclaveEnvironment;
  #state: EnclaveState = INITIAL_STATE;
  readonly #journal: Journal;
  readonly #queue: FailStopQueue;
  readonly #listeners = new Set<Listener>();

  private constructor(sealed: SealedContract, ports: EnclavePorts) {
    this.ports = ports;
    this.#queue = new FailStopQueue(ports.onFault);
    const signer = signerFromSeed(ports.random(SECRET_BYTES));
    const layout = layoutOf(sealed.contract.model.spec);
    this.#environment = {
      sealed,
      layout,
      signer,
      software: ports.software,
      // The first record of the journal, read or drawn before anything is decided.
      noiseRoot: new Uint8Array(),
      mechanism: mechanismOf(sealed.contract),
      appraise: publicationAppraiser(ports.verifiers, ports.environment, () => ports.clock.now()),
    };
    this.#journal = new Journal({ store: ports.records, key: ports.sealingKey, contract: sealed.digest, layout });
  }

  /**
   * Restores the sealed state of this contract, or begins it; then signs genesis if there is none, and publishes
   * evidence for this boot's key. `predecessor`: the passport bundle that a successor contract goes on from, wanted at
   * its first boot. Throws RefusalError: wrong environment, unreadable state, a disk that refuses, another passport.
   */
  static async start(
    sealed: SealedContract,
    approvals: readonly Uint8Array[],
    ports: EnclavePorts,
    predecessor?: Uint8Array,
  ): Promise<Enclave> {
    if (sealed.contract.environment !== ports.environment) throw new RefusalError(refusal('E-CONTRACT-ENVIRONMENT'));
    const broken = brokenTerm(sealed.contract);
    if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', broken));
    const enclave = new Enclave(sealed, ports);
    if (!bytesEqual(enclave.environment.layout.digest, sealed.contract.model.layoutDigest)) {
      throw new RefusalError(refusal('E-CONTRACT-INVALID', 'model.layoutDigest: the layout of this model is another'));
    }
    const noiseRoot = await enclave.#restore();
    enclave.#environment = { ...enclave.#environment, noiseRoot };
    // An approval that is no longer good must not stop the other hospitals: it simply does not count.
    for (const approval of approvals)
      await enclave.handle({ type: 'record-approval', at: ports.clock.now(), approval });
    // A halted enclave states and publishes nothing any more; it runs to say why (PROTOCOL §7).
    if (enclave.state.phase !== 'halted') await enclave.#boot(noiseRoot, predecessor);
    return enclave;
  }

  get environment(): EnclaveEnvironment {
    return this.#environment;
  }

  get state(): EnclaveState {
    return this.#state;
  }

  /** Decides, stores, evolves and tells the listeners; a refusal changes nothing. After a fault nothing more is decided. */
  handle(command: EnclaveCommand): Promise<Decision> {
    return this.#queue.run(async () => {
      const decision = decide(this.environment, this.#state, command);
      if (decision.ok) await this.#commit(decision.value);
      return decision;
    });
  }

  /** Signed statements from `counter` on, a bounded number of them; none at the end of the chain. */
  async statementsFrom(counter: number): Promise<readonly Uint8Array[]> {
    if (this.#state.phase === 'unborn') return [];
    const { chain, recent } = this.#state.ledger;
    const first = chain.length - recent.length;
    if (counter >= first) return recent.slice(counter - first).map(({ bytes }) => bytes);
    return this.#journal.statements(chain, counter);
  }

  /** For the core's own sessions: called for every event after it is stored; the returned function ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For the host: what happens, without what is in it; the returned function ends it. */
  listenForNotices(listener: (notice: CoreNotice) => void): () => void {
    return this.listen((event, state) => {
      const notice = noticeOf(event, state);
      if (notice !== null) listener(notice);
    });
  }

  /** Reads `NOISE_ROOT` and every event back; draws and stores a root when there is nothing yet. */
  async #restore(): Promise<Uint8Array> {
    let root: Uint8Array | null = null;
    for await (const plaintext of this.#journal.replay(() => headOfState(this.#state))) {
      if (root === null) {
        root = plaintext;
        continue;
      }
      const event = decodeEvent(plaintext);
      if (!event.ok) throw new RefusalError(event.error);
      this.#state = evolve(this.environment, this.#state, event.value);
    }
    if (root !== null) {
      await this.#loadModels();
      return root;
    }
    const drawn = this.ports.studyRandom('noise-root');
    await this.#journal.append([{ plaintext: drawn, head: null }], null);
    return drawn;
  }

  /** What is needed of the models that the log names, and nothing else, is in memory and in the store afterwards. */
  async #loadModels(): Promise<void> {
    // A halted enclave computes nothing and releases nothing.
    if (this.#state.phase === 'halted') return;
    for (const model of modelsOf(this.#state)) {
      const content = (await this.#journal.contentOf(model)) ?? this.#initialContent(model);
      // Under a successor a hospital brings it, or brings it again.
      if (content === null && model.round === 0) continue;
      if (content === null)
        throw new RefusalError(refusal('E-STORE-DAMAGED', `the weights of round ${model.round} are missing`));
      const loaded = { type: 'model-loaded', fixedBy: model.fixedBy, content } as const;
      this.#state = evolve(this.environment, this.#state, loaded);
    }
    await this.#journal.keepOnly(modelsOf(this.#state));
  }

  /** The initial weights follow from the contract and are computed anew; null for another model. */
  #initialContent({ digest }: CurrentModel): ModelContent | null {
    const { sealed, layout } = this.environment;
    const weights = initialWeights(sealed.contract.model.spec);
    return bytesEqual(modelDigest(layout.digest, weights), digest) ? { weights, server: initialServerState } : null;
  }

  async #store(before: EnclaveState, events: readonly EnclaveEvent[], states: readonly EnclaveState[]): Promise<void> {
    const durable = events.flatMap((event, index) =>
      isDurable(event) ? [{ plaintext: encodeEvent(event), head: headOfState(states[index - 1] ?? before) }] : [],
    );
    for (const [index, event] of events.entries()) {
      if (event.type === 'result-sealed') await this.#keep(event.result.model);
      if (event.type === 'model-loaded') for (const model of modelsOf(states[index] ?? before)) await this.#keep(model);
    }
    if (durable.length > 0) await this.#journal.append(durable, headOfState(states.at(-1) ?? before));
  }

  async #keep({ content, ...model }: CurrentModel): Promise<void> {
    if (content === null) throw new Error('a model without its content');
    await this.#journal.keep({ ...model, content });
  }

  /**
   * What this boot states first (genesis, or the abort of an attempt that lost its updates) and the evidence for its
   * key, in one append: a statement whose key was never published could not be verified by anybody.
   */
  async #boot(noiseRoot: Uint8Array, predecessor: Uint8Array | undefined): Promise<void> {
    const { clock } = this.ports;
    const { sealed } = this.environment;
    const stated = accepted(
      decide(this.environment, this.#state, {
        type: 'boot',
        at: clock.now(),
        noiseRoot: hash('noise-root', noiseRoot),
        initialWeights: initialWeights(sealed.contract.model.spec),
        predecessor,
      }),
    );
    const state = statesAfter(this.environment, this.#state, stated).at(-1) ?? this.#state;
    const publication = await this.#publicationOf(state);
    const published = accepted(decide(this.environment, state, { type: 'record-publication', publication }));
    await this.#commit([...stated, ...published]);
  }

  /** Publication evidence of this boot (PROTOCOL §7.1). */
  async #publicationOf(state: EnclaveState): Promise<Publication> {
    const head = headOfState(state);
    const genesis = state.phase === 'unborn' ? undefined : state.ledger.chain[0];
    if (head === null || genesis === undefined) throw new Error('publication before genesis');
    const { sealed, signer } = this.environment;
    const bootKey = signer.publicKey;
    const vouched = { bootKey, contractDigest: sealed.digest, genesisDigest: genesis, headDigest: head.digest };
    const at = this.ports.clock.now();
    const evidence = await this.ports.attester.attest(ReportData.ofPublication(vouched));
    const collateral = this.ports.publishedCollateral?.() ?? new Uint8Array();
    const contract = sealed.digest;
    return { format: 'consilium/publication/v1', bootKey, contract, genesis, head, at, evidence, collateral };
  }

  /** Stores, evolves, tells; only ever inside the queue, or before anything can be in it. */
  async #commit(events: readonly EnclaveEvent[]): Promise<void> {
    const before = this.#state;
    const states = statesAfter(this.environment, before, events);
    await this.#store(before, events, states);
    this.#state = states.at(-1) ?? before;
    events.forEach((event, index) => {
      for (const listener of this.#listeners) listener(event, states[index] ?? before);
    });
    const needed = modelsOf(this.#state);
    const dropped = modelsOf(before).filter(
      ({ fixedBy }) => !needed.some((model) => bytesEqual(model.fixedBy, fixedBy)),
    );
    for (const model of dropped) await this.#journal.forget(model);
  }
}

function accepted(decision: Decision): readonly EnclaveEvent[] {
  if (!decision.ok) throw new RefusalError(decision.error);
  return decision.value;
}

function statesAfter(
  environment: EnclaveEnvironment,
  before: EnclaveState,
  events: readonly EnclaveEvent[],
): EnclaveState[] {
  const states: EnclaveState[] = [];
  for (const event of events) states.push(evolve(environment, states.at(-1) ?? before, event));
  return states;
}
