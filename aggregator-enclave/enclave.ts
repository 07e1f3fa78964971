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
import type { ChannelClock } from '../lib/channel/clock.ts';
import type { Random } from '../lib/channel/random.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { decide, type Decision } from './decider.ts';
import { decodeEvent, encodeEvent } from './event-codec.ts';
import { isDurable, type EnclaveCommand, type EnclaveEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { noticeOf, type CoreNotice } from './notice.ts';
import { appendOrThrow, recordDigest, seal, unseal, type RecordStore, type SealContext } from './sealed-journal.ts';
import { headOfState, INITIAL_STATE, type EnclaveEnvironment, type EnclaveState } from './state.ts';

const SECRET_BYTES = 32;

/** Everything that the attested core needs from outside; the host owns none of its secrets. */
export interface EnclavePorts {
  readonly records: RecordStore;
  /** `SEAL`, 32 bytes. */
  readonly sealingKey: Uint8Array;
  readonly attester: Attester;
  readonly verifiers: VerifierRegistry;
  readonly clock: ChannelClock;
  /** Nonces and keys. */
  readonly random: Random;
  /** `NOISE_ROOT` and result salts. */
  readonly studyRandom: StudyRandom;
  /** Measurement of this program. */
  readonly software: Digest;
  /** What this program was started for; must equal the contract's. */
  readonly environment: 'simulation' | 'production';
}

type Listener = (event: EnclaveEvent, state: EnclaveState) => void;

/**
 * The attested core at run time: one command at a time through the pure decider, durable events sealed and stored
 * before anybody hears of them, then listeners (sessions, the host's event stream).
 */
export class Enclave {
  readonly ports: EnclavePorts;
  readonly environment: EnclaveEnvironment;
  #state: EnclaveState = INITIAL_STATE;
  #records = 0;
  #previous: Digest | null = null;
  readonly #queue = new FailStopQueue();
  readonly #listeners = new Set<Listener>();

  private constructor(sealed: SealedContract, ports: EnclavePorts) {
    this.ports = ports;
    const signer = signerFromSeed(ports.random(SECRET_BYTES));
    this.environment = {
      sealed,
      layout: layoutOf(sealed.contract.model.spec),
      signer,
      software: ports.software,
      appraise: publicationAppraiser(ports.verifiers, ports.environment, () => ports.clock.now()),
    };
  }

  /**
   * Restores the sealed state of this contract, or begins it; then signs genesis if there is none, and publishes
   * evidence for this boot's key. Throws RefusalError: wrong environment, unreadable state, a disk that refuses.
   */
  static async start(sealed: SealedContract, approvals: readonly Uint8Array[], ports: EnclavePorts): Promise<Enclave> {
    if (sealed.contract.environment !== ports.environment) throw new RefusalError(refusal('E-CONTRACT-ENVIRONMENT'));
    const enclave = new Enclave(sealed, ports);
    if (!bytesEqual(enclave.environment.layout.digest, sealed.contract.model.layoutDigest)) {
      throw new RefusalError(refusal('E-CONTRACT-INVALID', 'model.layoutDigest: the layout of this model is another'));
    }
    const noiseRoot = await enclave.#restore();
    // An approval that is no longer good must not stop the other hospitals: it simply does not count.
    for (const approval of approvals)
      await enclave.handle({ type: 'record-approval', at: ports.clock.now(), approval });
    // A halted enclave states and publishes nothing any more; it runs to say why (PROTOCOL §7).
    if (enclave.state.phase !== 'halted') await enclave.#boot(noiseRoot);
    return enclave;
  }

  get state(): EnclaveState {
    return this.#state;
  }

  /** Decides, stores, evolves and tells the listeners; a refusal changes nothing. After a fault of the store nothing more is decided. */
  handle(command: EnclaveCommand): Promise<Decision> {
    return this.#queue.run(async () => {
      const decision = decide(this.environment, this.#state, command);
      if (decision.ok) await this.#commit(decision.value);
      return decision;
    });
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
    const { records, sealingKey, studyRandom } = this.ports;
    const { sealed, layout } = this.environment;
    const [first, ...rest] = await records.read();
    const rootContext = { contract: sealed.digest, counter: 0, head: null, previous: null };
    if (first === undefined) {
      const root = studyRandom('noise-root');
      const record = seal(sealingKey, root, rootContext);
      await appendOrThrow(records, 0, [record]);
      this.#written([record]);
      return root;
    }
    const root = unseal(sealingKey, first, rootContext);
    if (!root.ok) throw new RefusalError(root.error);
    this.#written([first]);
    for (const record of rest) {
      const context = { ...this.#place(), head: headOfState(this.#state) };
      const plaintext = unseal(sealingKey, record, context);
      if (!plaintext.ok) throw new RefusalError(plaintext.error);
      const event = decodeEvent(plaintext.value, layout);
      if (!event.ok) throw new RefusalError(event.error);
      this.#state = evolve(this.environment, this.#state, event.value);
      this.#written([record]);
    }
    return root.value;
  }

  /** Where the next record goes. */
  #place(): Pick<SealContext, 'contract' | 'counter' | 'previous'> {
    return { contract: this.environment.sealed.digest, counter: this.#records, previous: this.#previous };
  }

  #written(records: readonly Uint8Array[]): void {
    const newest = records.at(-1);
    if (newest !== undefined) this.#previous = recordDigest(newest);
    this.#records += records.length;
  }

  async #store(before: EnclaveState, events: readonly EnclaveEvent[], states: readonly EnclaveState[]): Promise<void> {
    const durable = events.flatMap((event, index) =>
      isDurable(event) ? [{ event, head: headOfState(states[index - 1] ?? before) }] : [],
    );
    if (durable.length === 0) return;
    const sealed: Uint8Array[] = [];
    let { counter, previous } = this.#place();
    for (const { event, head } of durable) {
      const record = seal(this.ports.sealingKey, encodeEvent(event), { ...this.#place(), counter, previous, head });
      sealed.push(record);
      counter += 1;
      previous = recordDigest(record);
    }
    await appendOrThrow(this.ports.records, this.#records, sealed);
    this.#written(sealed);
  }

  /**
   * What this boot states first (genesis, or the abort of an attempt that lost its updates) and the evidence for its
   * key, in one append: a statement whose key was never published could not be verified by anybody.
   */
  #boot(noiseRoot: Uint8Array): Promise<void> {
    const { clock } = this.ports;
    const { sealed } = this.environment;
    return this.#queue.run(async () => {
      const stated = accepted(
        decide(this.environment, this.#state, {
          type: 'boot',
          at: clock.now(),
          noiseRoot: hash('noise-root', noiseRoot),
          initialWeights: initialWeights(sealed.contract.model.spec),
        }),
      );
      const state = statesAfter(this.environment, this.#state, stated).at(-1) ?? this.#state;
      const publication = await this.#publicationOf(state);
      const published = accepted(decide(this.environment, state, { type: 'record-publication', publication }));
      await this.#commit([...stated, ...published]);
    });
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
    return { format: 'consilium/publication/v1', bootKey, contract: sealed.digest, genesis, head, at, evidence };
  }

  /** Stores, evolves, tells; only ever inside the queue. */
  async #commit(events: readonly EnclaveEvent[]): Promise<void> {
    const before = this.#state;
    const states = statesAfter(this.environment, before, events);
    await this.#store(before, events, states);
    this.#state = states.at(-1) ?? before;
    events.forEach((event, index) => {
      for (const listener of this.#listeners) listener(event, states[index] ?? before);
    });
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
