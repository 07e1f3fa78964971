import { acceptSession, type SessionObserver } from '../../aggregator-enclave/accept-session.ts';
import { Enclave } from '../../aggregator-enclave/enclave.ts';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { recordStoreOn } from '../../aggregator-enclave/host/record-store.ts';
import { Agent } from '../../site-agent/agent.ts';
import { beginContract } from '../../site-agent/begin-contract.ts';
import { attestEnclave } from '../../site-agent/enclave-session.ts';
import type { OverlayFile } from '../../site-agent/overlay-file.ts';
import type { SitePlatform } from '../../site-agent/site-platform.ts';
import { keptModel } from '../../site-agent/kept-models.ts';
import type { Overlay, SiteEnvironment, SiteModel } from '../../site-agent/state.ts';
import { trainingSecret } from '../../site-agent/training-secret.ts';
import type { Attester } from '../../lib/attestation/attester.ts';
import { SimulatedChip } from '../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { attestationBatcher } from '../../lib/channel/attestation-batcher.ts';
import { encodeMessage, type SiteMessage } from '../../lib/audit/session-message.ts';
import type { AttestedSession } from '../../lib/channel/session.ts';
import { systemClock, type ChannelClock } from '../../lib/channel/clock.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import type { FrameDuplex } from '../../lib/channel/duplex.ts';
import { systemRandom } from '../../lib/channel/random.ts';
import { signEndorsement } from '../../lib/contract/endorsement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { signerFromSeed } from '../../lib/core/ed25519.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import { hash } from '../../lib/core/hash.ts';
import { instant, type OrganisationId } from '../../lib/core/ids.ts';
import { systemStudyRandom } from '../../lib/core/study-random.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { toGrid } from '../../lib/learning/quantise.ts';
import { encodeUpdate, joinUpdate } from '../../lib/learning/update-codec.ts';
import { createMemoryDisk, openMemoryStore, type MemoryDisk } from '../../lib/store/memory.ts';
import { openLedger } from './test-ledger.ts';
import { DAY_MS, digestOf, organisationSigner, START, testApproval, updateFields } from './test-contract.ts';

export type DuplexPair = ReturnType<typeof duplexPair>;

export const clock = { ...systemClock, now: () => START };
const rootSeed = digestOf('chip root');
export const simulatedVerifiers = verifierRegistry([simulatedVerifier({ roots: [chipOf('any').root] })]);

export function chipOf(instance: string): SimulatedChip {
  return new SimulatedChip({ rootSeed, instance, now: () => START });
}

/** What differs from an ordinary study. */
interface Setting {
  /** Of sessions; the time that documents state stands still. */
  readonly clock: ChannelClock;
  /** Rules of single hospitals, by id; who has none has confirmed everybody. */
  readonly overlays: Readonly<Record<string, Partial<Overlay>>>;
  /** What single hospitals have written into their overlay about privacy, by id. */
  readonly privacy: Readonly<Record<string, OverlayFile['privacy']>>;
  /** What the enclave's evidence comes from. */
  readonly attester: Attester;
}

/** The real enclave core and the real agents, over in-process duplexes and simulated chips; stores that outlive restarts. */
export class StudyInProcess {
  readonly sealed: SealedContract;
  readonly disk: MemoryDisk;
  readonly #parts = new Map<OrganisationId, SiteInProcess>();
  enclave: Enclave;
  #setting: Setting = ordinary();
  #stop = new AbortController();

  private constructor(sealed: SealedContract, disk: MemoryDisk, enclave: Enclave) {
    this.sealed = sealed;
    this.disk = disk;
    this.enclave = enclave;
  }

  static async start(sealed: SealedContract, change: Partial<Setting> = {}): Promise<StudyInProcess> {
    const disk = createMemoryDisk();
    const setting = { ...ordinary(), ...change };
    const study = new StudyInProcess(sealed, disk, await startEnclave(sealed, disk, setting));
    study.#setting = setting;
    for (const { id } of sealed.contract.organisations)
      study.#parts.set(id, await SiteInProcess.start(sealed, id, { setting }));
    return study;
  }

  /** A new enclave under a successor, without sites yet. `predecessor`: the passport bundle that the coordinator gives. */
  static async succeed(
    sealed: SealedContract,
    predecessor?: Uint8Array,
    approving: readonly OrganisationId[] = sealed.contract.organisations.map(({ id }) => id),
  ): Promise<StudyInProcess> {
    const disk = createMemoryDisk();
    return new StudyInProcess(sealed, disk, await startEnclave(sealed, disk, { predecessor, approving }));
  }

  /** Starts the agent of `id` on a disk that outlived its last contract; `readModel`: its `startingModel`. */
  async join(
    id: OrganisationId,
    disk?: MemoryDisk,
    readModel?: ReadModel,
    privacy: Setting['privacy'] = {},
  ): Promise<SiteInProcess> {
    const setting = { ...this.#setting, privacy };
    const site = await SiteInProcess.start(this.sealed, id, { setting, disk, readModel });
    this.#parts.set(id, site);
    return site;
  }

  /** A first boot whose chip answers nothing, then one whose chip answers. */
  static async startWithSilentChip(sealed: SealedContract): Promise<StudyInProcess> {
    const disk = createMemoryDisk();
    const silent: Attester = { attest: () => Promise.reject(new RefusalError(refusal('E-ATTEST-UNAVAILABLE'))) };
    const failed = await startEnclave(sealed, disk, { attester: silent }).catch((fault: unknown) => fault);
    if (!(failed instanceof RefusalError)) throw new Error('a silent chip must stop the boot');
    return new StudyInProcess(sealed, disk, await startEnclave(sealed, disk));
  }

  get sites(): readonly SiteInProcess[] {
    return [...this.#parts.values()];
  }

  /** Opens a session for each of `sites`, over a line of its own; it lives until either side ends. */
  connect(
    sites: readonly SiteInProcess[] = this.sites,
    lay: (site: SiteInProcess) => DuplexPair = () => duplexPair(),
  ): void {
    for (const site of sites) {
      const { site: near, enclave: far } = lay(site);
      void this.accept(far, {
        opened: () => undefined,
        closed: (_id, refused) => {
          if (refused !== null) site.endings.push(refused);
        },
        refused: (_id, refused) => void site.refusals.push(refused),
      });
      site.serve(near);
    }
  }

  /** Serves a session of whoever is at the other end; what the enclave says of it goes to `observer`. */
  accept(duplex: FrameDuplex, observer: SessionObserver): Promise<void> {
    const attester = attestationBatcher(this.#setting);
    return acceptSession({ enclave: this.enclave, attester, duplex, observer, signal: this.#stop.signal });
  }

  /** The same hospitals before an enclave that starts from another disk. */
  async from(disk: MemoryDisk, boot: Boot = {}): Promise<StudyInProcess> {
    const other = new StudyInProcess(this.sealed, disk, await startEnclave(this.sealed, disk, boot));
    other.#setting = { ...this.#setting, ...(boot.attester === undefined ? {} : { attester: boot.attester }) };
    for (const site of this.sites) other.#parts.set(site.id, site);
    return other;
  }

  async command(command: EnclaveCommand): Promise<void> {
    const decision = await this.enclave.handle(command);
    if (!decision.ok) throw new Error(`${decision.error.code}: ${decision.error.detail}`);
  }

  /** The enclave's memory is lost; its sealed records stay. */
  async restartEnclave(): Promise<void> {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.enclave = await startEnclave(this.sealed, this.disk, this.#setting);
  }

  /** `disk`: another one is put in its place. */
  async restartSite(id: OrganisationId, disk?: MemoryDisk): Promise<SiteInProcess> {
    const old = this.#parts.get(id);
    if (old === undefined) throw new Error(`no site ${id}`);
    old.stop();
    const fresh = await SiteInProcess.start(this.sealed, id, { setting: this.#setting, disk: disk ?? old.disk });
    this.#parts.set(id, fresh);
    return fresh;
  }

  stop(): void {
    this.#stop.abort();
    for (const site of this.sites) site.stop();
  }
}

export const enclaveProgram = { measurement: digestOf('program'), role: 'enclave' } as const;
const enclaveAttester = (): Attester => chipOf('chip-enclave').attesterFor(enclaveProgram);
const ordinary = (): Setting => ({ clock, overlays: {}, privacy: {}, attester: enclaveAttester() });

interface Boot {
  readonly attester?: Attester;
  readonly clock?: ChannelClock;
  readonly predecessor?: Uint8Array | undefined;
  readonly approving?: readonly OrganisationId[];
}

function startEnclave(
  sealed: SealedContract,
  disk: MemoryDisk,
  {
    attester = enclaveAttester(),
    clock: sessionClock = clock,
    predecessor,
    approving = sealed.contract.organisations.map(({ id }) => id),
  }: Boot = {},
): Promise<Enclave> {
  return Enclave.start(
    sealed,
    approving.map((id) => testApproval(sealed, id)),
    {
      records: recordStoreOn(openMemoryStore(disk), 'sealed'),
      sealingKey: chipOf('chip-enclave').sealingKey(enclaveProgram),
      attester,
      verifiers: simulatedVerifiers,
      clock: sessionClock,
      random: systemRandom,
      studyRandom: systemStudyRandom(systemRandom),
      software: enclaveProgram.measurement,
      environment: 'simulation',
      onFault: (fault) => {
        throw fault;
      },
    },
    predecessor,
  );
}

type ReadModel = () => Promise<Uint8Array | null>;

interface SiteStart {
  readonly setting?: Setting | undefined;
  readonly disk?: MemoryDisk | undefined;
  readonly readModel?: ReadModel | undefined;
}

/** A chip that no vendor root vouches for. */
export const untrustedChip = (): SimulatedChip =>
  new SimulatedChip({ rootSeed: digestOf('another chip root'), instance: 'chip-enclave', now: () => START });

export class SiteInProcess {
  readonly id: OrganisationId;
  readonly agent: Agent;
  readonly disk: MemoryDisk;
  readonly refusals: Refusal[];
  /** How often training ran: a retry must not train again. */
  readonly trained: number[];
  /** Counters of the heads that an enclave wanted proven. */
  readonly asked: number[];
  /** Passport bundles of the received models, by round. */
  readonly passports: Map<number, Uint8Array>;
  readonly gate: { open: Promise<void>; letGo: () => void };
  /** Why sessions broke off, as either side says. */
  readonly endings: Refusal[] = [];
  /** The session of this site is over. */
  ended = false;
  #session: AttestedSession | null = null;
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
  #close: () => void = () => undefined;

  private constructor(
    fields: Pick<SiteInProcess, 'id' | 'agent' | 'disk' | 'refusals' | 'trained' | 'asked' | 'passports' | 'gate'>,
    environment: SiteEnvironment,
    platform: SitePlatform,
  ) {
    this.id = fields.id;
    this.agent = fields.agent;
    this.disk = fields.disk;
    this.refusals = fields.refusals;
    this.trained = fields.trained;
    this.asked = fields.asked;
    this.passports = fields.passports;
    this.gate = fields.gate;
    this.environment = environment;
    this.platform = platform;
  }

  static async start(
    sealed: SealedContract,
    id: OrganisationId,
    { setting = ordinary(), disk = createMemoryDisk(), readModel = async () => null }: SiteStart = {},
  ): Promise<SiteInProcess> {
    const layout = layoutOf(sealed.contract.model.spec);
    const platform: SitePlatform = {
      environment: 'simulation',
      attester: chipOf(`chip-${id}`).attesterFor({ measurement: digestOf('program'), role: 'site' }),
      verifiers: simulatedVerifiers,
      random: systemRandom,
      studyRandom: systemStudyRandom(systemRandom),
      clock: setting.clock,
    };
    const environment: SiteEnvironment = {
      sealed,
      layout,
      organisation: id,
      signer: signerFromSeed(systemRandom(32)),
      overlay: {
        confirmedKeys: new Map(sealed.contract.organisations.map((one) => [one.id, one.key])),
        minimum: 1,
        requireCoParticipants: [],
        ...setting.overlays[id],
      },
      appraise: publicationAppraiser(simulatedVerifiers, 'simulation'),
    };
    const refusals: Refusal[] = [];
    const trained: number[] = [];
    const asked: number[] = [];
    const passports = new Map<number, Uint8Array>();
    const gate = { open: Promise.resolve(), letGo: (): void => undefined };
    const store = openMemoryStore(disk);
    const initial = await beginContract({ environment, store, readModel });
    const ledger = await openLedger(store.events, sealed, {
      privacy: setting.privacy[id],
      binding: async () => hash('privacy-entry', await trainingSecret(store.events, () => systemRandom(32))),
    });
    const agent = await Agent.start(
      environment,
      {
        events: store.events,
        blobs: store.blobs,
        now: () => START,
        endorse: () => endorsementOf(environment),
        ledger,
        train: async (_parent, round) => {
          trained.push(round);
          await gate.open;
          return payloadOf(environment, round);
        },
        onEvent: () => undefined,
        onModel: async ({ model, bundle }) => {
          passports.set(model.round, bundle);
        },
        onHeadAsked: (counter) => asked.push(counter),
        onRefused: (refused) => refusals.push(refused),
        onFault: (fault) => {
          throw fault;
        },
      },
      initial,
    );
    return new SiteInProcess({ id, agent, disk, refusals, trained, asked, passports, gate }, environment, platform);
  }

  serve(duplex: FrameDuplex): void {
    this.ended = false;
    const environment = this.environment;
    const session = attestEnclave({
      environment,
      platform: this.platform,
      duplex,
      endorse: () => endorsementOf(environment),
      state: () => this.agent.state,
      onVerdict: () => undefined,
    });
    this.#close = () => {
      duplex.close();
    };
    void session
      .then((opened) => {
        if (!opened.ok) {
          this.refusals.push(opened.error);
          return undefined;
        }
        const { value } = opened;
        this.#session = value;
        return this.agent.serve({
          bootKey: value.peer.bootKey,
          send: (message) => value.send(message),
          next: () => value.next(),
        });
      })
      .catch((fault: unknown) => {
        if (fault instanceof RefusalError) this.endings.push(fault.refusals[0]);
      })
      .finally(() => {
        this.ended = true;
      });
  }

  /** The newest model, with the weights that its store keeps. */
  async model(): Promise<SiteModel> {
    const model = await keptModel(openMemoryStore(this.disk).blobs, this.agent.state.model, this.environment);
    if (model === null) throw new Error('the weights are not in the store');
    return model;
  }

  /** Training ends only after `letGo`. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    Object.assign(this.gate, {
      open: promise,
      letGo: () => {
        resolve(undefined);
      },
    });
  }

  letGo(): void {
    this.gate.letGo();
  }

  /** Says something in the session that the agent would not say. */
  async sendRaw(message: SiteMessage): Promise<void> {
    await this.#session?.send(encodeMessage(message));
  }

  /** Cuts the connection; what was stored stays. */
  stop(): void {
    this.#close();
  }
}

export function endorsementOf({
  organisation,
  signer,
  sealed,
}: Pick<SiteEnvironment, 'organisation' | 'signer' | 'sealed'>): Uint8Array {
  const fields = {
    organisation,
    bootKey: signer.publicKey,
    contract: sealed.digest,
    issued: START,
    expires: instant(START + DAY_MS),
  };
  return signEndorsement(fields, organisationSigner(organisation));
}

/** Random salt, so that a second call would give other bytes: only a stored payload can be sent twice. */
function payloadOf({ organisation, layout, sealed }: SiteEnvironment, round: number): Uint8Array {
  const index = sealed.contract.organisations.findIndex(({ id }) => id === organisation);
  const coordinates = toGrid(
    Float64Array.from({ length: layout.length }, (_, i) => (index + i + round) / 256),
    sealed.contract.grid,
  );
  if (!coordinates.ok) throw new Error(coordinates.error.detail);
  return joinUpdate(
    systemRandom(32),
    encodeUpdate({ ...updateFields(sealed, organisation, 10 + index), coordinates: coordinates.value }),
  );
}
