import { Agent } from '../../site-agent/agent.ts';
import { beginContract } from '../../site-agent/begin-contract.ts';
import { Backoff } from '../../site-agent/reconnect.ts';
import { endorseBootKey } from '../../site-agent/site-papers.ts';
import type { SitePlatform } from '../../site-agent/site-platform.ts';
import { serveSessions } from '../../site-agent/site-sessions.ts';
import type { SiteEnvironment, SiteModel } from '../../site-agent/state.ts';
import { trainingSecret } from '../../site-agent/training-secret.ts';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { signerFromSeed } from '../../lib/core/ed25519.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { hash } from '../../lib/core/hash.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { systemStudyRandom } from '../../lib/core/study-random.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { toGrid } from '../../lib/learning/quantise.ts';
import { encodeUpdate, joinUpdate } from '../../lib/learning/update-codec.ts';
import { trainingRandom } from '../../lib/learning/training-random.ts';
import { organisationSigner, testApproval, updateFields } from '../support/test-contract.ts';
import { openLedger } from '../support/test-ledger.ts';
import type { CoordinatorProgram } from './coordinator-program.ts';
import type { FaultPort } from './fault-port.ts';
import { Program } from './program.ts';
import type { ProgramLife } from './program-life.ts';
import { chipOf, program, randomOf, SILENT, verifiers, virtualClock, virtualNow } from './study-platform.ts';

export interface ReceivedModel {
  readonly model: SiteModel;
  readonly bundle: Uint8Array;
}

interface Parts {
  readonly sealed: SealedContract;
  readonly organisation: OrganisationId;
  readonly coordinator: CoordinatorProgram;
  /** A way to the enclave, through the coordinator; throws RefusalError when there is none. */
  readonly dial: (site: SiteProgram, life: ProgramLife) => FrameDuplex;
}

/** Nobody looks at the rows: the harness trains without them. */
const NO_ROWS = { features: new Float32Array(), labels: new Float32Array(), rawRowIndex: new Uint32Array(), rows: 0 };

/** A hospital's program without its sockets: real agent and real sessions; training is arithmetic on the parent model. */
export class SiteProgram extends Program {
  readonly organisation: OrganisationId;
  /** What lies in the hospital's output folder, by round. */
  readonly received = new Map<number, ReceivedModel>();
  /** Parent digest of every training that was begun. */
  readonly trainings: Uint8Array[] = [];
  readonly refusals: Refusal[] = [];
  readonly #parts: Parts;
  agent: Agent | null = null;

  constructor(port: FaultPort, parts: Parts) {
    super(`site ${parts.organisation}`, { port, log: 'site ' });
    this.organisation = parts.organisation;
    this.#parts = parts;
  }

  /** Entries in its privacy ledger. */
  get paid(): number {
    return this.disk.streams.get('privacy-ledger')?.length ?? 0;
  }

  protected async run(life: ProgramLife): Promise<void> {
    this.agent = null;
    const { sealed, organisation, coordinator, dial } = this.#parts;
    const platform = this.#platform();
    const environment = this.#environment(platform);
    const endorse = (): Uint8Array => endorseBootKey(environment, organisationSigner(organisation), virtualClock);
    const store = this.store(life);
    const { events, blobs } = store;
    const initial = await beginContract({ environment, store, readModel: async () => null });
    const secret = await trainingSecret(events, () => platform.studyRandom('training-secret'));
    const ledger = await openLedger(events, sealed, {
      now: virtualNow,
      binding: async () => hash('privacy-entry', secret),
    });
    const agent = await Agent.start(
      environment,
      {
        ...{ events, blobs, endorse },
        now: virtualNow,
        ledger,
        train: (parent) => life.seen(this.#train(environment, parent, secret)),
        onEvent: () => undefined,
        onModel: (received) => this.#keep(life, received),
        onHeadAsked: () => undefined,
        onRefused: (refused) => this.refusals.push(refused),
        onFault: (fault) => {
          this.exit(life, fault);
        },
      },
      initial,
    );
    this.agent = agent;
    const submitApproval = async (): Promise<void> => {
      const submitted = await coordinator.submitApproval(this, life, testApproval(sealed, organisation));
      if (!submitted.ok) throw new RefusalError(submitted.error);
    };
    await serveSessions({
      ...{ agent, environment, platform, endorse, log: SILENT },
      link: { submitApproval, submitWithdrawal: () => life.never(), dial: () => dial(this, life) },
      resources: { table: async () => NO_ROWS },
      stop: { signal: life.signal, now: () => undefined },
      backoff: new Backoff(life.signal),
    });
  }

  #platform(): SitePlatform {
    const random = randomOf(`${this.name}, boot ${this.boots}`);
    return {
      environment: 'simulation',
      attester: chipOf(`chip-${this.organisation}`).attesterFor(program('site')),
      verifiers,
      random,
      studyRandom: systemStudyRandom(random),
      clock: virtualClock,
    };
  }

  #environment({ random }: SitePlatform): SiteEnvironment {
    const { sealed, organisation } = this.#parts;
    return {
      sealed,
      layout: layoutOf(sealed.contract.model.spec),
      organisation,
      signer: signerFromSeed(random(32)),
      overlay: {
        confirmedKeys: new Map(sealed.contract.organisations.map(({ id, key }) => [id, key])),
        minimum: 1,
        requireCoParticipants: [],
      },
      appraise: publicationAppraiser(verifiers, 'simulation', virtualNow),
    };
  }

  /** As `trainLocally`, on arithmetic: the numbers depend on parent and hospital alone. */
  async #train({ layout, sealed }: SiteEnvironment, parent: SiteModel, secret: Uint8Array): Promise<Uint8Array> {
    this.trainings.push(parent.digest);
    const index = sealed.contract.organisations.findIndex(({ id }) => id === this.organisation);
    const delta = Float64Array.from(parent.weights, (weight, i) => (index + i + parent.round) / 256 - weight / 4);
    const coordinates = toGrid(delta, sealed.contract.grid);
    if (!coordinates.ok) throw new RefusalError(coordinates.error);
    if (coordinates.value.length !== layout.length) throw new Error('weights of another layout');
    const plaintext = encodeUpdate({
      ...updateFields(sealed, this.organisation, 10 + index),
      coordinates: coordinates.value,
    });
    return joinUpdate(trainingRandom(secret, parent.digest).saltFor(plaintext), plaintext);
  }

  #keep(life: ProgramLife, received: ReceivedModel): Promise<void> {
    const perform = (): void => {
      this.received.set(received.model.round, received);
    };
    const failed = (): never => {
      throw new RefusalError(refusal('E-STORE-IO', 'injected'));
    };
    return this.port.through({ program: this.name, kind: 'write', what: 'model file' }, { life, perform, failed });
  }
}
