import { dirname, join, relative } from 'node:path';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { verifyPassport } from '../../lib/audit/passport.ts';
import { RefusalError, refusal, type Refusal } from '../../lib/core/errors.ts';
import type { Result } from '../../lib/core/result.ts';
import { readStudy } from '../../lib/data/read-study.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { loadTrainer } from '../../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../../lib/learning/trainer.ts';
import type { FaultTrace } from '../faults/fault-director.ts';
import { faultRecord } from '../faults/fault-outcome.ts';
import type { FaultRequest } from '../faults/fault-request.ts';
import { FaultyNetwork } from '../faults/faulty-network.ts';
import { planFaults } from '../faults/plan-faults.ts';
import { shownFaults } from '../faults/shown-faults.ts';
import type { Progress } from '../output/progress-event.ts';
import { renderReport } from '../report/report.ts';
import type { RunSummary } from '../report/run-summary.ts';
import { passportTrust } from '../setup/passport-trust.ts';
import { writePublic } from '../setup/write-file.ts';
import { baselines, evaluate } from './evaluate.ts';
import { followStudy, type FollowedStudy } from './follow-study.ts';
import { gatherHospitals, type SimulatedHospitals } from './hospitals.ts';
import { prepareRun, type PreparedRun } from './prepare.ts';
import { ProcessGroup } from './process-group.ts';
import { sameReceived } from './received.ts';
import { roundHistory } from './round-history.ts';
import { claimRunFolder, eraseWork, runFolder, type RunFolder } from './run-folder.ts';
import { runSecrets, type RunSecrets } from './run-secrets.ts';
import type { SimulationOptions } from './simulation-options.ts';
import { SiteTroubles } from './site-troubles.ts';
import { summarise } from './summarise.ts';

export interface Simulation {
  readonly summary: RunSummary;
  readonly folder: RunFolder;
}

export interface Watching {
  readonly progress: Progress;
  /** Ends the run in order. */
  readonly signal: AbortSignal;
  /** Ends it at once, for somebody who does not want to wait. */
  readonly impatience: AbortSignal;
}

/**
 * Runs a whole study on this machine: coordinator, enclave and hospitals as processes of their own, then checks and
 * measures what came out. Throws RefusalError: bad files, a study that failed, E-INTERRUPTED when `signal` aborts.
 */
export async function simulate(options: SimulationOptions, watching: Watching): Promise<Simulation> {
  const folder = runFolder(options.out);
  await claimRunFolder(folder);
  const summary = await runIn(folder, { options, ...watching }).catch(async (fault: unknown) => {
    if (!options.keep) await eraseWork(folder, watching.signal.aborted ? 'nothing' : 'logs');
    throw fault;
  });
  if (!options.keep) await eraseWork(folder, 'results');
  if (!summary.passportVerified)
    throw new RefusalError(refusal('E-PASSPORT-INVALID', 'of the model that the hospitals received'));
  return { summary, folder };
}

interface Run extends Watching {
  readonly options: SimulationOptions;
}

async function runIn(folder: RunFolder, run: Run): Promise<RunSummary> {
  const startedAt = performance.now();
  const { options, progress } = run;
  const secrets = runSecrets(options.seed);
  const study = unwrap(await readStudy(options.study));
  progress.show({
    type: 'phase',
    text: 'reading hospital files and preparing keys, contract, approvals and configurations',
  });
  const hospitals = await gatherHospitals(options, { study, folder: join(folder.work, 'data'), secrets });
  const ids = hospitals.hospitals.map(({ id }) => id);
  const faults = planFaults(options.faults, { hospitals: ids, rounds: options.rounds ?? study.rounds });
  const network = new FaultyNetwork({ faults, seedOf: (line) => secrets.secret(`line ${line}`) });
  try {
    const prepared = await prepareRun({ options, folder, secrets, study, hospitals, faults, network });
    return await runPrepared({ ...run, startedAt, secrets, folder, hospitals, prepared, faults, network });
  } finally {
    await network.close();
  }
}

interface Prepared extends Run {
  readonly startedAt: number;
  readonly secrets: RunSecrets;
  readonly folder: RunFolder;
  readonly hospitals: SimulatedHospitals;
  readonly prepared: PreparedRun;
  readonly faults: readonly FaultRequest[];
  readonly network: FaultyNetwork;
}

async function runPrepared(run: Prepared): Promise<RunSummary> {
  const { options, progress, signal, impatience, startedAt, secrets, folder, hospitals, prepared, faults, network } =
    run;
  const troubles = new SiteTroubles(folder.logs);
  const processes = new ProcessGroup({
    progress,
    logs: folder.logs,
    onSiteDied: (site, { how, forGood }) => {
      if (forGood) troubles.gone(site, how);
      else troubles.died(site, how);
    },
    onRestarted: (name) => {
      director.restarted(name);
    },
  });
  const kill = processes.strike.bind(processes);
  const director = shownFaults(faults, { network, kill, progress, startedAt });
  const killAll = (): void => {
    processes.kill();
  };
  impatience.addEventListener('abort', killAll);
  try {
    if (signal.aborted) throw new RefusalError(refusal('E-INTERRUPTED'));
    director.start();
    for (const party of prepared.parties) processes.start(party);
    const trainer = await loadTrainer(options.backend ?? undefined);
    const followed = await Promise.race([
      followStudy({
        ...{ run: prepared, progress, signal, trainer, hospitals, troubles },
        onEvent: faults.length === 0 ? null : director.see.bind(director),
      }),
      processes.failed,
    ]);
    progress.show({ type: 'phase', text: 'checking the passport and measuring the model' });
    await processes.stop();
    const { traces } = director;
    return await results({ folder, prepared, hospitals, followed, traces, trainer, secrets, startedAt });
  } finally {
    director.end();
    await processes.stop();
    impatience.removeEventListener('abort', killAll);
    progress.close();
  }
}

interface Finished {
  readonly folder: RunFolder;
  readonly prepared: PreparedRun;
  readonly hospitals: SimulatedHospitals;
  readonly followed: FollowedStudy;
  readonly traces: readonly FaultTrace[];
  readonly trainer: Trainer;
  readonly secrets: RunSecrets;
  readonly startedAt: number;
}

/** Checks what the hospitals received, measures it, and writes the files of the run folder. */
async function results(finished: Finished): Promise<RunSummary> {
  const { folder, prepared, hospitals, followed, traces, trainer, secrets, startedAt } = finished;
  const { sealed, organisations } = prepared;
  const { evaluations, statements } = followed;
  const history = roundHistory({ followed, sites: organisations.map(({ id }) => id), faults: traces });
  const last = history.at(-1)?.round ?? 0;
  const received = await sameReceived(prepared.outputs, last);
  const passport = passportOf(prepared, received.bundle);
  const { spec } = sealed.contract.model;
  const evaluation =
    evaluations.get(last) ?? (await evaluate({ trainer, spec }, received.model.weights, hospitals.hospitals));
  await writePublic(folder.model, received.modelBytes);
  await writePublic(folder.passport, received.bundle);
  await writePublic(folder.statements, encodeCbor(statements));
  const keys = organisations.map(({ id, name, key }) => ({ id, name, key: toHex(key) }));
  await writePublic(folder.organisationKeys, `${JSON.stringify(keys, null, 2)}\n`);
  await writePublic(folder.roots, `${JSON.stringify({ simulated: prepared.roots.map(toHex) }, null, 2)}\n`);
  const summary = summarise({
    sealed,
    hospitals,
    evaluation,
    baselines: await baselines(
      { trainer, spec, ...prepared.baseline(last), initial: initialWeights(spec), seed: secrets.secret('baselines') },
      hospitals.hospitals,
    ),
    history,
    faults: traces.map((trace) => faultRecord(trace, history)),
    passport,
    statements,
    modelDigest: received.model.digest,
    parameters: received.model.weights.length,
    backend: trainer.backend,
    seeded: secrets.seeded,
    wallMs: performance.now() - startedAt,
    files: fileNames(folder),
  });
  await writePublic(folder.summary, `${JSON.stringify(summary, null, 2)}\n`);
  await writePublic(folder.report, renderReport(summary));
  return summary;
}

/** Verified as anybody would, with keys and roots in the verifier's own hands, and for this very contract. */
function passportOf(run: PreparedRun, bytes: Uint8Array): ReturnType<typeof verifyPassport> {
  const bundle = unwrap(decodeBundle(bytes));
  const { environment } = run.sealed.contract;
  const report = verifyPassport(
    bundle,
    passportTrust({ organisations: run.organisations, simulatedRoots: run.roots, environment }),
  );
  const ours = report.contract !== null && bytesEqual(report.contract.digest, run.sealed.digest);
  const checks = [...report.checks, { name: 'the contract of this run', passed: ours, detail: '' }];
  return { ...report, checks, passed: report.passed && ours };
}

function unwrap<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new RefusalError(result.error);
  return result.value;
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
