import { StudyHost } from '../aggregator-enclave/host/study-host.ts';
import { openCoordination, type Coordination } from '../coordinator/coordination.ts';
import type { EnclaveControl } from '../coordinator/enclave-link.ts';
import { SimulatedChip } from '../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../lib/audit/appraise-publication.ts';
import { systemClock } from '../lib/channel/clock.ts';
import { duplexPair } from '../lib/channel/duplex-pair.ts';
import { systemRandom } from '../lib/channel/random.ts';
import type { SealedContract } from '../lib/contract/study-contract.ts';
import { signerFromSeed } from '../lib/core/ed25519.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { OrganisationId } from '../lib/core/ids.ts';
import { systemStudyRandom } from '../lib/core/study-random.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { toGrid } from '../lib/learning/quantise.ts';
import { encodeUpdate, joinUpdate } from '../lib/learning/update-codec.ts';
import type { Store } from '../lib/store/store.ts';
import { createLogger } from '../lib/telemetry/logger.ts';
import { Agent } from '../site-agent/agent.ts';
import { beginContract } from '../site-agent/begin-contract.ts';
import { saveReceivedModel } from '../site-agent/received-models.ts';
import { Backoff } from '../site-agent/reconnect.ts';
import { endorseBootKey } from '../site-agent/site-papers.ts';
import type { SitePlatform } from '../site-agent/site-platform.ts';
import { serveSessions } from '../site-agent/site-sessions.ts';
import type { SiteEnvironment, SiteModel } from '../site-agent/state.ts';
import { digestOf, organisationSigner, START, testApproval } from '../test/support/test-contract.ts';
import { openLedger } from '../test/support/test-ledger.ts';

export interface StudyPlace {
  readonly sealed: SealedContract;
  /** Output folder of the first site. */
  readonly output: string;
}

const clock = { ...systemClock, now: () => START };
const SILENT = createLogger({ name: 'bench', level: 'silent', destination: { write: () => undefined } });
const SETTINGS = { gatherMs: 60_000, maxAttempts: 10, absenceMs: 30_000 };
const KEEP_MODELS = 10;
const NO_ROWS = { features: new Float32Array(), labels: new Float32Array(), rawRowIndex: new Uint32Array(), rows: 0 };

const chipOf = (instance: string): SimulatedChip =>
  new SimulatedChip({ rootSeed: digestOf('chip root'), instance, now: () => START });
const verifiers = verifierRegistry([simulatedVerifier({ roots: [chipOf('any').root] })]);
const program = (role: 'enclave' | 'site') => ({ measurement: digestOf('program'), role });
const fail = (fault: unknown): never => {
  throw fault;
};

export async function openEnclave(store: Store): Promise<StudyHost> {
  const chip = chipOf('chip-enclave');
  const host = new StudyHost({
    ports: {
      sealingKey: chip.sealingKey(program('enclave')),
      attester: chip.attesterFor(program('enclave')),
      verifiers,
      clock,
      random: systemRandom,
      studyRandom: systemStudyRandom(systemRandom),
      software: program('enclave').measurement,
      environment: 'simulation',
      onFault: fail,
    },
    store,
    log: SILENT,
  });
  await host.resume();
  return host;
}

interface Surroundings {
  readonly enclave: StudyHost;
  readonly signal: AbortSignal;
}

/** `around`: null for a coordinator that only reads its log. */
export function openCoordinator(
  { sealed }: StudyPlace,
  store: Store,
  around: Surroundings | null,
): Promise<Coordination> {
  return openCoordination({
    sealed,
    predecessor: undefined,
    settings: { ...SETTINGS, autoLaunchRounds: sealed.contract.rounds },
    store,
    control: around === null ? nobody : controlOf(around.enclave),
    now: () => START,
    log: SILENT,
    onFault: fail,
    signal: around?.signal ?? AbortSignal.abort(),
  });
}

const controlOf = (host: StudyHost): EnclaveControl => ({
  load: (documents) => host.load(documents),
  advance: (request) => host.advance(request),
  withdraw: ({ withdrawal }) => host.withdraw(withdrawal),
  getStatements: ({ fromCounter, limit }) => host.statements(fromCounter, limit),
  watch: ({ fromSequence }, options) => host.events.watch(fromSequence, options?.signal ?? AbortSignal.abort()),
});
const nobody: EnclaveControl = {
  load: fail,
  advance: fail,
  withdraw: fail,
  getStatements: fail,
  watch: fail,
};

/** Resolves when the coordinator tells of the end; rejects when the study failed. */
export async function studyEnds({ notices }: Coordination): Promise<void> {
  for await (const notice of notices.watch(0, new AbortController().signal)) {
    if (notice.kind !== 'studyFinished') continue;
    if (notice.outcome !== 'finished') throw new Error(`the study ended: ${notice.code ?? notice.outcome}`);
    return;
  }
}

interface Site {
  readonly agent: Agent;
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
}

interface SiteParts {
  readonly id: OrganisationId;
  /** Awaited behind every received model. */
  readonly onModel: (round: number) => Promise<void>;
}

export async function openAgent(place: StudyPlace, store: Store, { id, onModel }: SiteParts): Promise<Site> {
  const { sealed, output } = place;
  const platform: SitePlatform = {
    environment: 'simulation',
    attester: chipOf(`chip-${id}`).attesterFor(program('site')),
    verifiers,
    random: systemRandom,
    studyRandom: systemStudyRandom(systemRandom),
    clock,
  };
  const environment: SiteEnvironment = {
    sealed,
    layout: layoutOf(sealed.contract.model.spec),
    organisation: id,
    signer: signerFromSeed(systemRandom(32)),
    overlay: {
      confirmedKeys: new Map(sealed.contract.organisations.map((one) => [one.id, one.key])),
      minimum: 1,
      requireCoParticipants: [],
    },
    appraise: publicationAppraiser(verifiers, 'simulation', () => START),
  };
  const first = sealed.contract.organisations[0]?.id === id;
  const ports = {
    events: store.events,
    blobs: store.blobs,
    now: () => START,
    endorse: () => endorsementOf(environment),
    ledger: await openLedger(store.events, sealed),
    train: async (parent: SiteModel) => trained(environment, parent),
    onEvent: () => undefined,
    onModel: async (received: { model: SiteModel; bundle: Uint8Array }) => {
      if (first) await saveReceivedModel({ output, sealed, keepModels: KEEP_MODELS }, received);
      await onModel(received.model.round);
    },
    onHeadAsked: () => undefined,
    onRefused: () => undefined,
    onFault: fail,
  };
  const initial = await beginContract({ environment, store, readModel: async () => null });
  return { agent: await Agent.start(environment, ports, initial), environment, platform };
}

const endorsementOf = (environment: SiteEnvironment): Uint8Array =>
  endorseBootKey(environment, organisationSigner(environment.organisation), clock);

/** A small step for every parameter in place of training. */
function trained({ sealed, organisation }: SiteEnvironment, parent: SiteModel): Uint8Array {
  const index = sealed.contract.organisations.findIndex(({ id }) => id === organisation);
  const delta = Float64Array.from(parent.weights, (weight, i) => (((index + i) % 7) - 3) / 4096 - weight / 64);
  const coordinates = toGrid(delta, sealed.contract.grid);
  if (!coordinates.ok) throw new RefusalError(coordinates.error);
  const plaintext = encodeUpdate({ weight: 10 + index, trainLoss: 0.5, coordinates: coordinates.value });
  return joinUpdate(systemRandom(32), plaintext);
}

/** Session after session, as the program does, over a line in memory. */
export function serveSite(
  { agent, environment, platform }: Site,
  { enclave, coordinator, signal }: Surroundings & { readonly coordinator: Coordination },
): Promise<void> {
  const { sealed, organisation } = environment;
  return serveSessions({
    agent,
    environment,
    platform,
    endorse: () => endorsementOf(environment),
    link: {
      submitApproval: async () => {
        const approval = testApproval(sealed, organisation);
        const recorded = await coordinator.coordinator.handle({ type: 'receive-approval', at: START, approval });
        if (!recorded.ok) throw new RefusalError(recorded.error);
        await coordinator.onApproval();
      },
      submitWithdrawal: () => Promise.resolve(),
      dial: () => {
        const { site, enclave: far } = duplexPair();
        enclave.accept(far).catch(() => undefined);
        return site;
      },
    },
    resources: { table: async () => NO_ROWS },
    stop: { signal, now: () => undefined },
    log: SILENT,
    backoff: new Backoff(signal),
  });
}
