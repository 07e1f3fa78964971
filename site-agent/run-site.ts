import { readFile } from 'node:fs/promises';
import { failuresOf } from '../lib/attestation/attestation-result.ts';
import type { Attester } from '../lib/attestation/attester.ts';
import type { Environment } from '../lib/attestation/appraise.ts';
import type { VerifierRegistry } from '../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../lib/audit/appraise-publication.ts';
import type { ChannelClock } from '../lib/channel/clock.ts';
import type { Random } from '../lib/channel/random.ts';
import { loadConfig } from '../lib/config/config-file.ts';
import { readTls } from '../lib/config/program-fields.ts';
import type { Stop } from '../lib/config/run-program.ts';
import { openApproval } from '../lib/contract/approval.ts';
import { ENDORSEMENT_LIFETIME_MS, signEndorsement } from '../lib/contract/endorsement.ts';
import { openContract, type SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { signerFromSeed, type Signer } from '../lib/core/ed25519.ts';
import { refusal, RefusalError, type Refusal } from '../lib/core/errors.ts';
import { instant } from '../lib/core/ids.ts';
import type { StudyRandom } from '../lib/core/study-random.ts';
import { loadHospital } from '../lib/data/load-hospital.ts';
import type { FeatureTable } from '../lib/data/featurise.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import { loadTrainer } from '../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../lib/learning/trainer.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import { programLogger, type Logger } from '../lib/telemetry/logger.ts';
import { Agent } from './agent.ts';
import { siteConfig, withdrawalPath, type SiteConfig } from './config.ts';
import { CoordinatorLink } from './coordinator-link.ts';
import { attestEnclave } from './enclave-session.ts';
import type { SiteEvent } from './event.ts';
import { trainLocally } from './local-training.ts';
import { overlayFile, overlayOf } from './overlay-file.ts';
import { saveReceivedModel } from './received-models.ts';
import { Backoff } from './reconnect.ts';
import { initialSiteState, type SiteEnvironment } from './state.ts';
import { watchForWithdrawal } from './withdrawal-file.ts';

const KEY_BYTES = 32;

/** What an entry point knows and this program does not: the platform. */
export interface SitePlatform {
  readonly environment: Environment;
  readonly attester: Attester;
  readonly verifiers: VerifierRegistry;
  readonly random: Random;
  readonly studyRandom: StudyRandom;
  readonly clock: ChannelClock;
}

export interface SiteEntry {
  readonly stop: Stop;
  open(config: SiteConfig): Promise<SitePlatform>;
}

/** Runs a hospital's agent until it is asked to stop. Throws RefusalError on a bad configuration, key, contract or disk. */
export async function runSite(configPath: string, entry: SiteEntry): Promise<void> {
  const { stop } = entry;
  const config = await configured(configPath, siteConfig);
  const log = programLogger(`site-${config.organisation}`, config.log);
  const platform = await entry.open(config);
  const organisationSigner = await readSigner(config.organisationKey);
  const environment = await siteEnvironment(config, platform, organisationSigner);
  const approval = await ownApproval(config, environment.sealed, platform.clock);
  const store = await openSqliteStore(config.store);
  if (!store.ok) throw new RefusalError(store.error);

  const resources = new Resources(config, environment.sealed);
  const endorse = (): Uint8Array => endorsement(environment, organisationSigner, platform.clock);
  const { sealed, layout } = environment;
  const weights = initialWeights(sealed.contract.model.spec);
  const agent = await Agent.start(
    environment,
    {
      events: store.value.events,
      blobs: store.value.blobs,
      now: () => platform.clock.now(),
      endorse,
      train: async (parent, round) => {
        const [trainer, table] = await Promise.all([resources.trainer(), resources.table()]);
        log.info('training.started', { round, rows: table.rows, backend: trainer.backend });
        return trainLocally({ sealed, trainer, table, studyRandom: platform.studyRandom }, parent, round);
      },
      onEvent: (event) => {
        logEvent(log, event);
      },
      onModel: (received) => saveReceivedModel(config.output, sealed, received),
      onRefused: ({ code }) => {
        log.warn('refused', { code });
      },
      onFault: (fault) => {
        log.error('agent.fault', {}, fault);
        stop.now();
      },
    },
    initialSiteState({ round: 0, digest: modelDigest(layout.digest, weights), weights }),
  );

  const link = new CoordinatorLink({ config, tls: await readTls(config.tls), approval });
  const backoff = new Backoff(stop.signal);
  const watching = watchForWithdrawal(withdrawalPath(config), {
    stop,
    withdraw: (bytes) => agent.withdraw(bytes),
    onRefused: (fault) => {
      log.warn('withdrawal.refused', {}, fault);
    },
  });
  watching.catch((fault: unknown) => {
    log.error('agent.fault', {}, fault);
    stop.now();
  });
  while (!stop.signal.aborted) {
    const ended = await serveOnce({
      agent,
      link,
      environment,
      platform,
      endorse,
      resources,
      stop,
      log,
      onSession: () => {
        backoff.reset();
      },
    });
    if (ended !== null) log.warn('session.ended', { code: ended.code });
    await backoff.wait();
  }
  link.close();
  await store.value.close();
}

interface Serving {
  readonly agent: Agent;
  readonly link: CoordinatorLink;
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
  readonly endorse: () => Uint8Array;
  readonly resources: Resources;
  readonly stop: Stop;
  readonly log: Logger;
  readonly onSession: () => void;
}

/** One session from dialling to its end; why it ended, or null after a clean end. */
async function serveOnce({
  agent,
  link,
  environment,
  platform,
  endorse,
  resources,
  stop,
  log,
  onSession,
}: Serving): Promise<Refusal | null> {
  try {
    // The coordinator is told too, so that it waits no longer; the enclave hears it inside the session.
    if (agent.state.withdrawal === null) await link.submitApproval();
    else await link.submitWithdrawal(agent.state.withdrawal);
    const duplex = link.dial();
    const attested = await attestEnclave({
      environment,
      platform,
      duplex,
      endorse,
      state: () => agent.state,
      onVerdict: (result) => {
        for (const { code } of failuresOf(result)) log.warn('enclave.refused', { code });
      },
    });
    if (!attested.ok) return attested.error;
    const session = attested.value;
    const close = (): void => void session.close();
    stop.signal.addEventListener('abort', close);
    try {
      log.info('enclave.attested', {
        platform: session.peer.result.platform ?? 'none',
        simulated: session.peer.result.simulated,
      });
      // Only now, behind the enclave's accepted evidence, is the hospital's file opened.
      await resources.table();
      onSession();
      await agent.serve({
        bootKey: session.peer.bootKey,
        send: (message) => session.send(message),
        next: () => session.next(),
      });
    } finally {
      stop.signal.removeEventListener('abort', close);
      close();
    }
    return null;
  } catch (fault) {
    if (fault instanceof RefusalError) return fault.refusals[0];
    throw fault;
  }
}

/** Data and training backend, each loaded once, when first needed. */
class Resources {
  readonly #config: SiteConfig;
  readonly #sealed: SealedContract;
  #trainer: Promise<Trainer> | null = null;
  #table: Promise<FeatureTable> | null = null;

  constructor(config: SiteConfig, sealed: SealedContract) {
    this.#config = config;
    this.#sealed = sealed;
  }

  trainer(): Promise<Trainer> {
    return (this.#trainer ??= loadTrainer(this.#config.backend));
  }

  /** Training rows. A file that was refused is read again next time: somebody may have corrected it. */
  table(): Promise<FeatureTable> {
    const loading = (this.#table ??= this.#load());
    loading.catch(() => {
      this.#table = null;
    });
    return loading;
  }

  async #load(): Promise<FeatureTable> {
    const { data: path, organisation } = this.#config;
    const loaded = await loadHospital({ path, organisation, schema: this.#sealed.contract.schema });
    if (!loaded.ok) throw new RefusalError(loaded.error);
    return loaded.value.train;
  }
}

async function configured<T>(path: string, schema: Parameters<typeof loadConfig<T>>[1]): Promise<T> {
  const loaded = await loadConfig(path, schema);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  return loaded.value;
}

async function readSigner(path: string): Promise<Signer> {
  const seed = new Uint8Array(await readFile(path));
  if (seed.length !== KEY_BYTES)
    throw new RefusalError(refusal('E-CONFIG', 'organisationKey: is not an organisation key'));
  return signerFromSeed(seed);
}

async function siteEnvironment(
  config: SiteConfig,
  platform: SitePlatform,
  organisationSigner: Signer,
): Promise<SiteEnvironment> {
  const sealed = openContract(new Uint8Array(await readFile(config.contract)));
  if (!sealed.ok) throw new RefusalError(sealed.error);
  const { contract } = sealed.value;
  if (contract.environment !== platform.environment) throw new RefusalError(refusal('E-CONTRACT-ENVIRONMENT'));
  const layout = layoutOf(contract.model.spec);
  if (!bytesEqual(layout.digest, contract.model.layoutDigest)) {
    throw new RefusalError(refusal('E-CONTRACT-INVALID', 'model.layoutDigest: the layout of this model is another'));
  }
  const named = contract.organisations.find(({ id }) => id === config.organisation);
  if (named === undefined) throw new RefusalError(refusal('E-ORG-UNKNOWN', config.organisation));
  if (!bytesEqual(named.key, organisationSigner.publicKey)) {
    throw new RefusalError(refusal('E-ORG-IDENTITY', 'the contract names another key for this organisation'));
  }
  return {
    sealed: sealed.value,
    layout,
    organisation: config.organisation,
    signer: signerFromSeed(platform.random(32)),
    overlay: overlayOf(await configured(config.overlay, () => overlayFile)),
    appraise: publicationAppraiser(platform.verifiers, platform.environment, () => platform.clock.now()),
  };
}

async function ownApproval(
  { approval: path, organisation }: SiteConfig,
  sealed: SealedContract,
  clock: ChannelClock,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(await readFile(path));
  const opened = openApproval(bytes, { sealed, at: clock.now() });
  if (!opened.ok) throw new RefusalError(opened.error);
  if (opened.value.document.organisation !== organisation)
    throw new RefusalError(refusal('E-APPROVAL-INVALID', 'of another organisation'));
  return bytes;
}

function endorsement(
  { organisation, signer, sealed }: SiteEnvironment,
  organisationSigner: Signer,
  clock: ChannelClock,
): Uint8Array {
  const issued = clock.now();
  const fields = {
    organisation,
    bootKey: signer.publicKey,
    contract: sealed.digest,
    issued,
    expires: instant(issued + ENDORSEMENT_LIFETIME_MS),
  };
  return signEndorsement(fields, organisationSigner);
}

function logEvent(log: Logger, event: SiteEvent): void {
  switch (event.type) {
    case 'model-received':
      log.info('model.received', { round: event.model.round, model: event.model.digest });
      return;
    case 'statement-seen':
      log.debug('statement.seen', { counter: event.statement.statement.counter });
      return;
    case 'boot-key-trusted':
    case 'committed':
    case 'cohort-accepted':
    case 'debited':
    case 'update-ready':
    case 'acknowledged':
    case 'round-ended':
    case 'declined':
    case 'withdrawn':
      log.info(`site.${event.type}`);
  }
}
