import type { PassportReport } from '../../lib/audit/passport.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import type { Digest } from '../../lib/core/ids.ts';
import type { Baselines, FaultRecord, RoundRecord, RunSummary, SiteRows } from '../report/run-summary.ts';
import type { Evaluation } from './evaluate.ts';
import type { SimulatedHospitals } from './hospitals.ts';
import { privacySpent } from './privacy-spent.ts';

interface Facts {
  readonly sealed: SealedContract;
  readonly hospitals: SimulatedHospitals;
  readonly evaluation: Evaluation;
  readonly baselines: Baselines;
  readonly history: readonly RoundRecord[];
  readonly faults: readonly FaultRecord[];
  readonly passport: PassportReport;
  /** Every signed statement of the study. */
  readonly statements: readonly Uint8Array[];
  readonly modelDigest: Digest;
  readonly parameters: number;
  readonly backend: string;
  readonly seeded: boolean;
  readonly wallMs: number;
  readonly files: Readonly<Record<string, string>>;
}

/** What a run came to, for `summary.json`, `--json` and the report. */
export function summarise(facts: Facts): RunSummary {
  const { sealed, hospitals, evaluation, passport, seeded } = facts;
  const { contract } = sealed;
  const spent = privacySpent(sealed, facts.statements);
  const [enclaveMeasurement, siteMeasurement] = [contract.appraisal.enclave, contract.appraisal.site].map(
    ({ measurements: [first] }) => (first === undefined ? '' : toHex(first)),
  );
  const rows = hospitals.hospitals.map(({ id, data }): [string, SiteRows] => [
    id,
    { trained: data.train.rows, tested: data.test.rows, dropped: data.droppedRows },
  ]);
  return {
    type: 'summary',
    study: { id: contract.study.id, title: contract.study.title },
    rounds: facts.history.length,
    sites: contract.organisations.map(({ id }) => id),
    parameters: facts.parameters,
    rows: Object.fromEntries(rows),
    accuracyBySite: evaluation.accuracyBySite,
    accuracyMeanOfSites: evaluation.accuracyMeanOfSites,
    aucPooled: evaluation.aucPooled,
    logLoss: evaluation.logLoss ?? 0,
    brier: evaluation.brier ?? 0,
    baselines: facts.baselines,
    history: facts.history,
    faults: facts.faults,
    ...spent,
    epsilonValid: spent.epsilon !== null && !seeded,
    backend: facts.backend,
    randomness: seeded ? 'seeded' : 'csprng',
    synthetic: hospitals.synthetic,
    wallMs: Math.round(facts.wallMs),
    ...(seeded ? {} : { finishedAt: new Date().toISOString() }),
    modelDigest: toHex(facts.modelDigest),
    contractDigest: toHex(sealed.digest),
    passportVerified: passport.passed,
    passportChecks: passport.checks,
    attestation: {
      platform: 'simulated',
      simulated: true,
      enclaveMeasurement: enclaveMeasurement ?? '',
      siteMeasurement: siteMeasurement ?? '',
    },
    policy: { kMin: contract.kMin, requireSites: contract.requireSites, environment: contract.environment },
    computedBySimulator: [
      'accuracyBySite',
      'accuracyMeanOfSites',
      'aucPooled',
      'logLoss',
      'brier',
      'baselines',
      'history',
    ],
    files: facts.files,
  };
}
