import { FirstFault } from '../lib/config/first-fault.ts';
import { readTls } from '../lib/config/read-tls.ts';
import type { Stop } from '../lib/config/run-program.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { Digest, Instant } from '../lib/core/ids.ts';
import { failStop } from '../lib/store/fail-stop.ts';
import { openSqliteStore } from '../lib/store/sqlite.ts';
import type { Store } from '../lib/store/store.ts';
import { collateralWarnings } from '../lib/telemetry/collateral-warnings.ts';
import { programLogger, type Logger } from '../lib/telemetry/logger.ts';
import { Agent } from './agent.ts';
import { beginContract } from './begin-contract.ts';
import { siteConfig, withdrawalPath, type SiteConfig } from './config.ts';
import { CoordinatorLink } from './coordinator-link.ts';
import type { SiteEvent } from './event.ts';
import { trainLocally } from './local-training.ts';
import { overlayFile } from './overlay-file.ts';
import { ledgerTerms, PrivacyLedger } from './privacy-ledger.ts';
import { paymentBinding } from './private-training.ts';
import { saveReceivedModel } from './received-models.ts';
import { Backoff } from './reconnect.ts';
import {
  configured,
  endorseBootKey,
  ownApproval,
  readOrganisationSigner,
  siteEnvironment,
  startingModel,
} from './site-papers.ts';
import type { SitePlatform } from './site-platform.ts';
import { SiteResources } from './site-resources.ts';
import { serveSessions } from './site-sessions.ts';
import { trainingSecret } from './training-secret.ts';
import { watchForWithdrawal } from './withdrawal-file.ts';

export interface SiteEntry {
  readonly stop: Stop;
  /** `warn`: one line for the log. */
  open(config: SiteConfig, warn: (message: string) => void): Promise<SitePlatform>;
}

/** Runs a hospital's agent until it is asked to stop. Throws RefusalError on a bad configuration, key or contract, or as soon as its disk fails. */
export async function runSite(configPath: string, entry: SiteEntry): Promise<void> {
  const { stop } = entry;
  const config = await configured(configPath, siteConfig);
  const log = programLogger(`site-${config.organisation}`, config.log);
  const platform = await entry.open(config, collateralWarnings(log));
  const organisationSigner = await readOrganisationSigner(config.organisationKey);
  const environment = await siteEnvironment(config, platform, organisationSigner);
  const approval = await ownApproval(config, environment.sealed, platform.clock);
  const faults = new FirstFault((fault) => {
    log.error('agent.fault', {}, fault);
  });
  const store = failStop(await openStore(config.store), faults.report);
  // Not fail-stop: what other agents append to it meanwhile is no fault.
  const books = config.ledger === undefined ? store : await openStore(config.ledger);

  const resources = new SiteResources(config, environment.sealed);
  const endorse = (): Uint8Array => endorseBootKey(environment, organisationSigner, platform.clock);
  const { sealed, organisation } = environment;
  const { output, keepModels } = config;
  const initial = await beginContract({ environment, store, readModel: () => startingModel(config) });
  const { privacy } = await configured(config.overlay, () => overlayFile);
  const { epsilonBudget } = approval.document;
  const terms = ledgerTerms(sealed, { data: config.data, privacy, epsilonBudget });
  const now = (): Instant => platform.clock.now();
  const secret = await trainingSecret(store.events, () => platform.studyRandom('training-secret'));
  const binding = async (): Promise<Digest> => {
    const [trainer, table] = await Promise.all([resources.trainer(), resources.table()]);
    return paymentBinding({ sealed, organisation, trainer, table, secret });
  };
  const ledger = await PrivacyLedger.open({ events: books.events, sealed, terms, now, binding });
  const agent = await Agent.start(
    environment,
    {
      events: store.events,
      blobs: store.blobs,
      now,
      endorse,
      ledger,
      train: async (parent, round) => {
        const [trainer, table] = await Promise.all([resources.trainer(), resources.table()]);
        log.info('training.started', { round, rows: table.rows, backend: trainer.backend });
        const onNonFiniteRows = (rows: number): void => {
          log.warn('training.rows-not-finite', { round, rows });
        };
        return trainLocally({ sealed, organisation, trainer, table, secret, onNonFiniteRows }, parent);
      },
      onEvent: (event) => {
        logEvent(log, event);
      },
      onModel: (received) => saveReceivedModel({ output, sealed, keepModels }, received),
      onHeadAsked: (counter) => {
        log.warn('head.asked', { counter });
      },
      onRefused: ({ code }) => {
        log.warn('refused', { code });
      },
      onFault: faults.report,
    },
    initial,
  );

  const link = new CoordinatorLink({ config, tls: await readTls(config.tls), approval: approval.bytes });
  const backoff = new Backoff(stop.signal);
  const watching = watchForWithdrawal(withdrawalPath(config), {
    stop,
    withdraw: (bytes) => agent.withdraw(bytes),
    onRefused: (fault) => {
      log.warn('withdrawal.refused', {}, fault);
    },
  });
  watching.catch(faults.report);
  const serving = { agent, link, environment, platform, endorse, resources, stop, log, backoff };
  await Promise.race([serveSessions(serving), faults.happened]);
  link.close();
  if (books !== store) await books.close();
  await store.close();
}

async function openStore(path: string): Promise<Store> {
  const opened = await openSqliteStore(path);
  if (!opened.ok) throw new RefusalError(opened.error);
  return opened.value;
}

function logEvent(log: Logger, event: SiteEvent): void {
  switch (event.type) {
    case 'model-received':
      log.info('model.received', { round: event.model.round, model: event.model.digest });
      return;
    case 'statement-seen':
      log.debug('statement.seen', { counter: event.statement.statement.counter });
      return;
    case 'behind-noticed':
      log.warn('site.behind', { counter: event.counter });
      return;
    case 'boot-key-trusted':
    case 'publication-kept':
    case 'committed':
    case 'cohort-accepted':
    case 'debited':
    case 'update-ready':
    case 'acknowledged':
    case 'round-ended':
    case 'declined':
    case 'withdrawn':
    case 'ledger-carried':
    case 'superseded':
    case 'commit-recovered':
    case 'debit-recovered':
    case 'backup-accepted':
      log.info(`site.${event.type}`);
  }
}
