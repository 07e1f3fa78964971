import { readFile, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { verifyPassport } from '../../lib/audit/passport.ts';
import { RefusalError, refusal } from '../../lib/core/errors.ts';
import { readStudy } from '../../lib/data/read-study.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { decodeModelFile, type ModelFile } from '../../lib/learning/model-file.ts';
import { loadTrainer } from '../../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../../lib/learning/trainer.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { connect, type Connection } from '../../lib/wire/connection.ts';
import { studyMethods } from '../../lib/wire/study-codec.ts';
import { readTls } from '../../lib/config/program-fields.ts';
import { receivedFileNames } from '../../site-agent/received-models.ts';
import type { Progress } from '../output/progress-event.ts';
import { renderReport } from '../report/report.ts';
import type { RoundRecord, RunSummary } from '../report/run-summary.ts';
import { passportTrust } from '../setup/passport-trust.ts';
import { writePublic } from '../setup/write-file.ts';
import { baselines, evaluate, type Evaluation } from './evaluate.ts';
import { gatherHospitals, type SimulatedHospitals } from './hospitals.ts';
import { prepareRun, type PreparedRun } from './prepare.ts';
import { ProcessGroup } from './process-group.ts';
import { runFolder, type RunFolder } from './run-folder.ts';
import { runSecrets } from './run-secrets.ts';
import type { SimulationOptions } from './simulation-options.ts';
import { summarise } from './summarise.ts';
import { watchStudy, type WatchedStudy } from './watch-study.ts';

const DELIVERY_MS = 30_000;
const LAUNCH_MS = 60_000;
const POLL_MS = 50;
const STATEMENTS_PER_CALL = 500;

export interface Simulation {
  readonly summary: RunSummary;
  readonly folder: RunFolder;
}

/**
 * Runs a whole study on this machine: coordinator, enclave and hospitals as processes of their own, then checks and
 * measures what came out. Throws RefusalError: bad files, a study that failed, E-INTERRUPTED when `signal` aborts.
 */
export async function simulate(
  options: SimulationOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Simulation> {
  const startedAt = performance.now();
  const folder = runFolder(options.out);
  const secrets = runSecrets(options.seed);
  const study = await readStudy(options.study);
  if (!study.ok) throw new RefusalError(study.error);
  progress.show({
    type: 'phase',
    text: 'reading hospital files and preparing keys, contract, approvals and configurations',
  });
  const hospitals = await gatherHospitals(options, { study: study.value, folder: join(folder.work, 'data'), secrets });
  const run = await prepareRun({ options, folder, secrets, study: study.value, hospitals });
  const trainer = await loadTrainer(options.backend ?? undefined);
  const processes = new ProcessGroup(progress);
  try {
    for (const party of run.parties) processes.start(party, folder.logs);
    const watched = await Promise.race([follow({ run, progress, signal, trainer, hospitals }), processes.failed]);
    const { study: outcome, evaluations, statements } = watched;
    progress.show({ type: 'phase', text: 'checking the passport and measuring the model' });
    await processes.stop();
    const last = outcome.rounds.at(-1)?.round ?? 0;
    const received = await lastReceived(run, last);
    const passport = passportOf(run, received.bundle);
    const spec = run.sealed.contract.model.spec;
    const evaluation =
      evaluations.get(last) ?? (await evaluate({ trainer, spec }, received.model.weights, hospitals.hospitals));
    await writePublic(folder.model, received.modelBytes);
    await writePublic(folder.passport, received.bundle);
    await writePublic(folder.statements, encodeCbor(statements));
    await writePublic(
      folder.organisationKeys,
      `${JSON.stringify(
        run.organisations.map(({ id, name, key }) => ({ id, name, key: toHex(key) })),
        null,
        2,
      )}\n`,
    );
    await writePublic(folder.roots, `${JSON.stringify({ simulated: run.roots.map(toHex) }, null, 2)}\n`);
    const plan = run.sealed.contract.training;
    const summary = summarise({
      sealed: run.sealed,
      hospitals,
      evaluation,
      baselines: await baselines(
        { trainer, spec, plan, rounds: last, initial: initialWeights(spec), seed: secrets.secret('baselines') },
        hospitals.hospitals,
      ),
      history: history(run, outcome, evaluations),
      passport: passport.report,
      modelDigest: received.model.digest,
      parameters: received.model.weights.length,
      backend: trainer.backend,
      seeded: secrets.seeded,
      wallMs: performance.now() - startedAt,
      files: fileNames(folder),
    });
    await writePublic(folder.summary, `${JSON.stringify(summary, null, 2)}\n`);
    await writePublic(folder.report, renderReport(summary));
    if (!options.keep) await rm(folder.work, { recursive: true, force: true });
    if (!passport.report.passed || !passport.matches)
      throw new RefusalError(refusal('E-PASSPORT-INVALID', 'of the model that the hospitals received'));
    return { summary, folder };
  } finally {
    await processes.stop();
    progress.close();
  }
}

interface Following {
  readonly run: PreparedRun;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly trainer: Trainer;
  readonly hospitals: SimulatedHospitals;
}

interface Followed {
  readonly study: WatchedStudy;
  readonly evaluations: ReadonlyMap<number, Evaluation>;
  readonly statements: readonly Uint8Array[];
}

/** Launches as a researcher, follows to the end, and waits until every hospital has the last model. */
async function follow({ run, progress, signal, trainer, hospitals }: Following): Promise<Followed> {
  const connection = connect({
    address: run.coordinator,
    tls: await readTls(run.researcherTls),
    serverName: run.coordinator.serverName,
    expect: { role: 'coordinator', id: run.coordinator.id },
  });
  const evaluations = new Map<number, Evaluation>();
  const spec = run.sealed.contract.model.spec;
  const onReleased = async (round: number): Promise<{ loss?: number; auc?: number }> => {
    const { model } = await anyReceived(run, round, signal);
    const evaluation = await evaluate({ trainer, spec }, model.weights, hospitals.hospitals);
    evaluations.set(round, evaluation);
    const { logLoss: loss, aucPooled: auc } = evaluation;
    return { ...(loss === null ? {} : { loss }), ...(auc === null ? {} : { auc }) };
  };
  try {
    await launch(connection, run, signal);
    const study = await watchStudy({ connection, sealed: run.sealed, progress, onReleased, signal });
    if (study === null || signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    if (study.outcome !== 'finished')
      throw new RefusalError(refusal(study.code ?? 'E-PROCESS', `the study ended: ${study.outcome}`));
    const statements = await fetchStatements(connection);
    return { study, evaluations, statements };
  } finally {
    connection.close();
  }
}

/** Asks until the coordinator is up and enough hospitals have approved. */
async function launch(connection: Connection, { sealed }: PreparedRun, signal: AbortSignal): Promise<void> {
  const client = clientOf(connection, studyMethods);
  const until = performance.now() + LAUNCH_MS;
  for (;;) {
    const launched = await client.launch({ rounds: sealed.contract.rounds }, { deadlineMs: 5_000 });
    if (launched.ok) return;
    if (signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    const mayPass =
      launched.error.code === 'E-TRANSPORT' ||
      launched.error.code === 'E-APPROVALS-MISSING' ||
      launched.error.code === 'E-CHANNEL-TIMEOUT';
    if (!mayPass || performance.now() > until) throw new RefusalError(launched.error);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
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

interface Received {
  readonly model: ModelFile;
  readonly modelBytes: Uint8Array;
  readonly bundle: Uint8Array;
}

/** The model of `round` as the first hospital to store it received it. */
async function anyReceived(run: PreparedRun, round: number, signal: AbortSignal): Promise<Received> {
  const until = performance.now() + DELIVERY_MS;
  while (performance.now() < until && !signal.aborted) {
    for (const folder of run.outputs.values()) {
      const received = await readReceived(folder, round);
      if (received !== null) return received;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new RefusalError(
    signal.aborted
      ? refusal('E-INTERRUPTED')
      : refusal('E-CHANNEL-TIMEOUT', `no hospital stored the model of round ${round}`),
  );
}

/** Every hospital that took part must hold the same last model. */
async function lastReceived(run: PreparedRun, round: number): Promise<Received> {
  const first = await anyReceived(run, round, new AbortController().signal);
  for (const [id, folder] of run.outputs) {
    const other = await readReceived(folder, round);
    if (other !== null && !bytesEqual(other.model.digest, first.model.digest)) {
      throw new RefusalError(refusal('E-RELEASE-INVALID', `${id} received another model than the others`));
    }
  }
  return first;
}

async function readReceived(folder: string, round: number): Promise<Received | null> {
  const names = receivedFileNames(round);
  try {
    // The model is written last: where it is, the passport is too.
    const modelBytes = new Uint8Array(await readFile(join(folder, names.model)));
    const bundle = new Uint8Array(await readFile(join(folder, names.passport)));
    const model = decodeModelFile(modelBytes);
    if (!model.ok) throw new RefusalError(model.error);
    return { model: model.value, modelBytes, bundle };
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return null;
    throw fault;
  }
}

function passportOf(
  run: PreparedRun,
  bytes: Uint8Array,
): { report: ReturnType<typeof verifyPassport>; matches: boolean } {
  const bundle = decodeBundle(bytes);
  if (!bundle.ok) throw new RefusalError(bundle.error);
  const { environment } = run.sealed.contract;
  const report = verifyPassport(
    bundle.value,
    passportTrust({ organisations: run.organisations, simulatedRoots: run.roots, environment }),
  );
  return { report, matches: report.contract !== null && bytesEqual(report.contract.digest, run.sealed.digest) };
}

function history(
  run: PreparedRun,
  { rounds }: WatchedStudy,
  evaluations: ReadonlyMap<number, Evaluation>,
): RoundRecord[] {
  return rounds.map(({ round, attempt, ms, participants }) => {
    const evaluation = evaluations.get(round);
    const absent = run.organisations
      .filter(({ id }) => !participants.includes(id))
      .map(({ id }) => ({ site: id, why: 'no update arrived in time' }));
    return {
      round,
      attempt,
      testLogLoss: evaluation?.logLoss ?? 0,
      testAuc: evaluation?.aucPooled ?? null,
      ms: Math.round(ms),
      participants,
      absent,
    };
  });
}

function fileNames(folder: RunFolder): Record<string, string> {
  const { model, passport: bundle, statements, report, summary, contract, organisationKeys: orgKeys, roots } = folder;
  return Object.fromEntries(
    Object.entries({ model, bundle, statements, report, summary, contract, orgKeys, roots }).map(([name, path]) => [
      name,
      relative(dirname(summary), path),
    ]),
  );
}
