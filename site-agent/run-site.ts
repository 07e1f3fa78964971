import { failuresOf } from '../lib/attestation/attestation-result.ts';
import { FirstFault } from '../lib/config/first-fault.ts';
import { readTls } from '../lib/config/program-fields.ts';
import type { Stop } from '../lib/config/run-program.ts';
import { RefusalError, type Refusal } from '../lib/core/errors.ts';
import { initialWeights } from '../lib/learning/initial-weights.ts';
import { modelDigest } from '../lib/learning/weights.ts';
import { failStop } from '../lib/store/fail-stop.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import { programLogger, type Logger } from '../lib/telemetry/logger.ts';
import { Agent } from './agent.ts';
import { siteConfig, withdrawalPath, type SiteConfig } from './config.ts';
import { CoordinatorLink } from './coordinator-link.ts';
import { attestEnclave } from './enclave-session.ts';
import type { SiteEvent } from './event.ts';
import { trainLocally } from './local-training.ts';
import { saveReceivedModel } from './received-models.ts';
import { Backoff } from './reconnect.ts';
import { configured, endorseBootKey, ownApproval, readOrganisationSigner, siteEnvironment } from './site-papers.ts';
import type { SitePlatform } from './site-platform.ts';
import { SiteResources } from './site-resources.ts';
import { initialSiteState, type SiteEnvironment } from './state.ts';
import { watchForWithdrawal } from './withdrawal-file.ts';

export interface SiteEntry {
  readonly stop: Stop;
  open(config: SiteConfig): Promise<SitePlatform>;
}

/** Runs a hospital's agent until it is asked to stop. Throws RefusalError on a bad configuration, key or contract, or as soon as its disk fails. */
export async function runSite(configPath: string, entry: SiteEntry): Promise<void> {
  const { stop } = entry;
  const config = await configured(configPath, siteConfig);
  const log = programLogger(`site-${config.organisation}`, config.log);
  const platform = await entry.open(config);
  const organisationSigner = await readOrganisationSigner(config.organisationKey);
  const environment = await siteEnvironment(config, platform, organisationSigner);
  const approval = await ownApproval(config, environment.sealed, platform.clock);
  const faults = new FirstFault((fault) => {
    log.error('agent.fault', {}, fault);
  });
  const opened = await openSqliteStore(config.store);
  if (!opened.ok) throw new RefusalError(opened.error);
  const store = failStop(opened.value, faults.report);

  const resources = new SiteResources(config, environment.sealed);
  const endorse = (): Uint8Array => endorseBootKey(environment, organisationSigner, platform.clock);
  const { sealed, layout } = environment;
  const weights = initialWeights(sealed.contract.model.spec);
  const agent = await Agent.start(
    environment,
    {
      events: store.events,
      blobs: store.blobs,
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
      onFault: faults.report,
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
  watching.catch(faults.report);
  const onSession = (): void => {
    backoff.reset();
  };
  const serving = { agent, link, environment, platform, endorse, resources, stop, log, onSession };
  await Promise.race([serveSessions(serving, backoff), faults.happened]);
  link.close();
  await store.close();
}

interface Serving {
  readonly agent: Agent;
  readonly link: CoordinatorLink;
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
  readonly endorse: () => Uint8Array;
  readonly resources: SiteResources;
  readonly stop: Stop;
  readonly log: Logger;
  readonly onSession: () => void;
}

/** Session after session, until the program is asked to stop. */
async function serveSessions(serving: Serving, backoff: Backoff): Promise<void> {
  while (!serving.stop.signal.aborted) {
    const ended = await serveOnce(serving);
    if (ended !== null) serving.log.warn('session.ended', { code: ended.code });
    await backoff.wait();
  }
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
    // The coordinator is told too, so that it waits no longer; whether it listens or not, the enclave hears it in the session.
    if (agent.state.withdrawal === null) await link.submitApproval();
    else await link.submitWithdrawal(agent.state.withdrawal).catch(() => undefined);
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
