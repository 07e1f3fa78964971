import { failuresOf } from '../lib/attestation/attestation-result.ts';
import type { AttestedSession } from '../lib/channel/session.ts';
import type { Stop } from '../lib/config/run-program.ts';
import { RefusalError, type Refusal } from '../lib/core/errors.ts';
import type { Logger } from '../lib/telemetry/logger.ts';
import type { Agent } from './agent.ts';
import type { CoordinatorLink } from './coordinator-link.ts';
import { attestEnclave } from './enclave-session.ts';
import type { Backoff } from './reconnect.ts';
import type { SitePlatform } from './site-platform.ts';
import type { SiteResources } from './site-resources.ts';
import type { SiteEnvironment } from './state.ts';

interface Serving {
  readonly agent: Agent;
  readonly link: Pick<CoordinatorLink, 'submitApproval' | 'submitWithdrawal' | 'dial'>;
  readonly environment: SiteEnvironment;
  readonly platform: SitePlatform;
  readonly endorse: () => Uint8Array;
  readonly resources: Pick<SiteResources, 'table'>;
  readonly stop: Stop;
  readonly log: Logger;
  readonly backoff: Backoff;
}

/** Session after session, until the program is asked to stop. */
export async function serveSessions(serving: Serving): Promise<void> {
  while (!serving.stop.signal.aborted) {
    const ended = await serveOnce(serving);
    if (ended !== null) serving.log.warn('session.ended', { code: ended.code });
    await serving.backoff.wait();
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
  backoff,
}: Serving): Promise<Refusal | null> {
  try {
    // The coordinator is told too, so that it waits no longer; whether it listens or not, the enclave hears it in the session.
    const told =
      agent.state.withdrawal === null ? link.submitApproval() : link.submitWithdrawal(agent.state.withdrawal);
    // One that refuses an approval, because it has expired, say, must not keep a hospital from what the enclave owes it.
    await told.catch((fault: unknown) => {
      if (!(fault instanceof RefusalError)) throw fault;
      log.warn('refused', { code: fault.refusals[0].code });
    });
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
      await serveAttested(session, { agent, backoff });
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

/** A session that stood is dialled again soon, whatever ended it. */
async function serveAttested(
  session: AttestedSession,
  { agent, backoff }: Pick<Serving, 'agent' | 'backoff'>,
): Promise<void> {
  const { bootKey } = session.peer;
  try {
    await agent.serve({ bootKey, send: (message) => session.send(message), next: () => session.next() });
    backoff.reset();
  } catch (fault) {
    // An enclave that does not know this hospital's head has nothing for it a moment later either.
    if (!(fault instanceof RefusalError && fault.refusals[0].code === 'E-HEAD-UNPROVEN')) backoff.reset();
    throw fault;
  }
}
