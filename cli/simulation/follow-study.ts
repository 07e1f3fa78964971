import { readTls } from '../../lib/config/read-tls.ts';
import { refusal, RefusalError, type Refusal } from '../../lib/core/errors.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import type { Trainer } from '../../lib/learning/trainer.ts';
import { clientOf, type ClientOf } from '../../lib/wire/client.ts';
import { connect, type Connection } from '../../lib/wire/connection.ts';
import { studyMethods, type StudyEvent } from '../../lib/wire/study-codec.ts';
import type { Progress } from '../output/progress-event.ts';
import { evaluate, type Evaluation } from './evaluate.ts';
import type { SimulatedHospitals } from './hospitals.ts';
import type { PreparedRun } from './prepare.ts';
import { allReceived, anyReceived } from './received.ts';
import type { SiteTroubles } from './site-troubles.ts';
import { mayPass, studyEvents } from './study-events.ts';
import { watchStudy, type WatchedStudy } from './watch-study.ts';

const GATHER_MS = 60_000;
const DELIVERY_MS = 30_000;
const LAST_DELIVERY_MS = 5_000;
/** How long hospitals may still say why, once the study cannot take place. */
const LAST_WORDS_MS = 3_000;
const CALL_MS = 5_000;
const POLL_MS = 50;
const STATEMENTS_PER_CALL = 500;

interface Following {
  readonly run: PreparedRun;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly trainer: Trainer;
  readonly hospitals: SimulatedHospitals;
  readonly troubles: SiteTroubles;
  /** Told of every event as soon as it is known here; null: nobody needs to know at once. */
  readonly onEvent: ((event: StudyEvent) => void) | null;
}

export interface FollowedStudy {
  readonly study: WatchedStudy;
  /** What hospitals that are not connected reported at the release of each round, by id. */
  readonly troublesByRound: ReadonlyMap<number, ReadonlyMap<string, string>>;
  readonly evaluations: ReadonlyMap<number, Evaluation>;
  readonly statements: readonly Uint8Array[];
}

/** Launches as a researcher, follows to the end, and waits until every hospital has the last model. */
export async function followStudy(following: Following): Promise<FollowedStudy> {
  const { run, progress, signal, trainer, hospitals, troubles } = following;
  const connection = connect({
    address: run.coordinator,
    tls: await readTls(run.researcherTls),
    serverName: run.coordinator.serverName,
    expect: { role: 'coordinator', id: run.coordinator.id },
  });
  const evaluations = new Map<number, Evaluation>();
  const spec = run.sealed.contract.model.spec;
  const sites = run.sealed.contract.organisations.map(({ id }) => id);
  const troublesByRound = new Map<number, ReadonlyMap<string, string>>();
  const onReleased = async (round: number): Promise<{ loss?: number; auc?: number }> => {
    troublesByRound.set(round, allTroubles());
    const { model } = await anyReceived(run.outputs, { round, withinMs: DELIVERY_MS, signal });
    const evaluation = await evaluate({ trainer, spec }, model.weights, hospitals.hospitals);
    evaluations.set(round, evaluation);
    const { logLoss: loss, aucPooled: auc } = evaluation;
    return { ...(loss === null ? {} : { loss }), ...(auc === null ? {} : { auc }) };
  };
  const allTroubles = (): ReadonlyMap<string, string> =>
    new Map(
      sites.flatMap((site): [string, string][] => {
        const why = troubles.explain(site);
        return why === null ? [] : [[site, why]];
      }),
    );
  const over = new AbortController();
  try {
    await gather(connection, following);
    await launch(connection, following);
    const onLost = (): Promise<void> => launchAgain(connection, following);
    const watching = watchStudy({ connection, sealed: run.sealed, progress, onReleased, onLost, signal });
    const study = await Promise.race([watching, tellAtOnce(connection, following, over.signal)]);
    if (study === null || signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    if (study.outcome !== 'finished') {
      const ended = refusal(study.code ?? 'E-PROCESS', `the study ended: ${study.outcome}`);
      throw new RefusalError(ended, ...troubles.refusals(sites));
    }
    const last = study.rounds.at(-1)?.round ?? 0;
    const here = sites.filter((site) => troubles.explain(site) === null);
    await allReceived(run.outputs, here, { round: last, withinMs: LAST_DELIVERY_MS, signal });
    return { study, troublesByRound, evaluations, statements: await fetchStatements(connection) };
  } finally {
    over.abort();
    connection.close();
  }
}

/** Beside the watcher, which measures every model before it looks at the next event. Never resolves; rejects on a fault. */
async function tellAtOnce(connection: Connection, { signal, onEvent }: Following, over: AbortSignal): Promise<never> {
  if (onEvent !== null)
    for await (const event of studyEvents(connection, { signal: AbortSignal.any([signal, over]) })) onEvent(event);
  return new Promise(() => undefined);
}

/**
 * Waits for the hospitals, so that all of them are in the first round; not for one that will not come. Throws the
 * hospitals' own reasons when too few are left for the contract.
 */
async function gather(connection: Connection, { run, progress, signal, troubles }: Following): Promise<void> {
  const { kMin, organisations } = run.sealed.contract;
  const client = clientOf(connection, studyMethods);
  progress.show({ type: 'phase', text: 'waiting for hospitals to be attested and connected' });
  const until = performance.now() + GATHER_MS;
  let hopeless: number | null = null;
  for (;;) {
    const missing = await missingSites(client, organisations);
    const out = missing.filter((id) => troubles.isOut(id));
    const known = missing.length === out.length;
    if (organisations.length - out.length < kMin) {
      hopeless ??= performance.now();
      if (known || performance.now() - hopeless > LAST_WORDS_MS) throw tooFew(troubles.refusals(out));
    } else if (known) return;
    if (signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    if (performance.now() > until) {
      if (organisations.length - missing.length >= kMin) return;
      throw tooFew([
        refusal('E-COHORT-TOO-SMALL', `not connected: ${missing.join(', ')}`),
        ...troubles.refusals(missing),
      ]);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function missingSites(
  client: ClientOf<typeof studyMethods>,
  organisations: readonly { readonly id: OrganisationId }[],
): Promise<OrganisationId[]> {
  const status = await client.getStatus({}, { deadlineMs: CALL_MS });
  const connected = status.ok ? status.value.sites.filter((site) => site.connected) : [];
  const here = new Set<string>(connected.map(({ organisation }) => organisation));
  return organisations.map(({ id }) => id).filter((id) => !here.has(id));
}

function tooFew([first, ...others]: readonly Refusal[]): RefusalError {
  return first === undefined ? new RefusalError(refusal('E-COHORT-TOO-SMALL')) : new RefusalError(first, ...others);
}

/** Asks until the coordinator has taken it; one that restarted may have taken it before. */
async function launch(connection: Connection, { run: { sealed }, signal }: Following): Promise<void> {
  const client = clientOf(connection, studyMethods);
  const until = performance.now() + GATHER_MS;
  for (;;) {
    const launched = await client.launch({ rounds: sealed.contract.rounds }, { deadlineMs: CALL_MS });
    if (launched.ok || launched.error.code === 'E-ROUND-PHASE') return;
    if (signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    const { code } = launched.error;
    if ((!mayPass(code) && code !== 'E-APPROVALS-MISSING') || performance.now() > until)
      throw new RefusalError(launched.error);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A coordinator that lost its disk waits for a launch, as it did at first; any other goes on by itself. */
async function launchAgain(connection: Connection, following: Following): Promise<void> {
  const status = await clientOf(connection, studyMethods).getStatus({}, { deadlineMs: CALL_MS });
  if (status.ok && status.value.phase === 'enrolling') await launch(connection, following);
}

async function fetchStatements(connection: Connection): Promise<Uint8Array[]> {
  const client = clientOf(connection, studyMethods);
  const statements: Uint8Array[] = [];
  for (;;) {
    const page = await client.getStatements({ fromCounter: statements.length, limit: STATEMENTS_PER_CALL });
    if (!page.ok) throw new RefusalError(page.error);
    if (page.value.statements.length === 0) return statements;
    statements.push(...page.value.statements);
  }
}
