import type { RoundRecord, RunSummary } from '../../../cli/report/run-summary.ts';
import { epsilonOf } from '../../../lib/privacy/epsilon.ts';

const SITES = ['cleveland', 'hungarian', 'switzerland', 'va-long-beach'] as const;

/** A curve that falls (or rises) towards `end`, wobbling a little. */
const towards = (end: number, start: number, round: number): number =>
  end + (start - end) * Math.exp(-round / 4) + 0.004 * Math.sin(round * 1.7);

const history: RoundRecord[] = Array.from({ length: 20 }, (_, index) => {
  const round = index + 1;
  const missing = round === 7 || round === 8 ? 'va-long-beach' : null;
  return {
    round,
    attempt: round === 7 ? 2 : 1,
    aborted: round === 7 ? [{ attempt: 1, code: 'E-COHORT-REQUIRED' }] : [],
    trainLossMean: towards(0.42, 0.68, round),
    testLogLoss: towards(0.441, 0.69, round),
    testAuc: towards(0.881, 0.82, round),
    ms: 380 + 13 * (round % 5),
    participants: SITES.filter((site) => site !== missing),
    absent: missing === null ? [] : [{ site: missing, why: 'the connection was lost and came back too late' }],
  };
});

/** A summary with every field, as `simulate` gives it; the numbers are made up. */
export const exampleSummary: RunSummary = {
  type: 'summary',
  study: { id: 'heart-disease', title: 'Coronary heart disease from routine measurements' },
  rounds: 20,
  sites: SITES,
  parameters: 14,
  rows: {
    cleveland: { trained: 199, tested: 104, dropped: 0 },
    hungarian: { trained: 172, tested: 89, dropped: 33 },
    switzerland: { trained: 30, tested: 16, dropped: 77 },
    'va-long-beach': { trained: 85, tested: 45, dropped: 70 },
  },
  accuracyBySite: { cleveland: 0.8365, hungarian: 0.8202, switzerland: 0.75, 'va-long-beach': 0.7333 },
  accuracyMeanOfSites: 0.785,
  aucPooled: 0.8807,
  logLoss: 0.4412,
  brier: 0.1423,
  baselines: {
    local: {
      bySite: {
        cleveland: { accuracy: 0.8269, auc: 0.8994, logLoss: 0.4187 },
        hungarian: { accuracy: 0.8315, auc: 0.8712, logLoss: 0.4391 },
        switzerland: { accuracy: 0.9375, auc: null, logLoss: 0.312 },
        'va-long-beach': { accuracy: 0.7111, auc: 0.6371, logLoss: 0.6022 },
      },
      accuracyMeanOfSites: 0.8268,
    },
    pooled: {
      accuracyMeanOfSites: 0.7964,
      aucPooled: 0.8822,
      logLoss: 0.4363,
      accuracyBySite: { cleveland: 0.8462, hungarian: 0.8315, switzerland: 0.75, 'va-long-beach': 0.7556 },
    },
    majority: {
      accuracyBySite: { cleveland: 0.5385, hungarian: 0.6404, switzerland: 0.9375, 'va-long-beach': 0.7778 },
    },
  },
  history,
  faults: [
    {
      asked: '--drop va-long-beach@7',
      kind: 'drop',
      parties: ['va-long-beach'],
      struck: { round: 7, attempt: 1, phase: 'opening', atMs: 9_120 },
      lastedMs: 2_412,
      outcome: 'va-long-beach had no network for 2.4 s, 3 connections reset; round 7: released at attempt 2 without it',
    },
    {
      asked: '--latency 20ms±5ms',
      kind: 'latency',
      parties: SITES,
      struck: { round: 0, attempt: 0, phase: 'start', atMs: 800 },
      lastedMs: null,
      outcome: 'every connection was slowed each way; no round was retried',
    },
    {
      asked: '--kill enclave@20',
      kind: 'kill',
      parties: ['enclave'],
      struck: null,
      lastedMs: null,
      outcome: 'did not strike: the study never came to that point of round 20',
    },
  ],
  epsilon: null,
  epsilonBySite: Object.fromEntries(SITES.map((site) => [site, null])),
  delta: null,
  epsilonValid: false,
  noise: 'none',
  privacy: null,
  backend: 'wasm',
  randomness: 'seeded',
  synthetic: false,
  wallMs: 14_230,
  finishedAt: '2026-11-20T10:02:03.000Z',
  modelDigest: '5f1c0d7c9a64cf1c0f2b7a6f3ab4d0c91b5a4a7e0f9cbb40f7c9f3f0a5a1d2e3',
  contractDigest: '0a41be62d6ad53a3c55bb8a3a91d49d0b79a8f5a0f4c7e6f2f3cd1a0e9a7b6c5',
  passportVerified: true,
  passportChecks: [
    { name: 'Contract', passed: true, detail: 'the bundle’s contract has the digest that every statement names' },
    { name: 'Approvals', passed: true, detail: '4 of 4 hospitals approved; at least 3 wanted' },
    {
      name: 'Evidence of the aggregator',
      passed: true,
      detail: 'signed by the given root, measurement in the policy, debugging off',
    },
    { name: 'Statement chain', passed: true, detail: '62 statements link from genesis to release' },
    { name: 'Acknowledgements', passed: true, detail: '4 of 4 members signed; at least 3 wanted' },
    { name: 'Model', passed: true, detail: 'layout and weights give the digest in the passport' },
  ],
  attestation: {
    platform: 'simulated',
    simulated: true,
    enclaveMeasurement: '77e1a5a3c3cf2a1a5a8bfa2f0c8dd09d2a4f7f4f5b0e9d8c7b6a5948372615f0',
    siteMeasurement: 'b2d40c9a1f3e5d7c9b8a7f6e5d4c3b2a190807f6e5d4c3b2a19f8e7d6c5b4a39',
  },
  policy: { kMin: 3, requireSites: [], environment: 'simulation' },
  computedBySimulator: ['aucPooled', 'logLoss', 'brier', 'accuracyMeanOfSites', 'baselines', 'history'],
  files: {
    model: 'model.cbor',
    bundle: 'passport-bundle.cbor',
    statements: 'statements.cbor',
    report: 'report.html',
    summary: 'summary.json',
    orgKeys: 'org-keys',
    roots: 'roots.cbor',
  },
};

const PLAN = { samplingRate: 0.11, noiseMultiplier: 1.485 };
const DELTA = 1e-4;
const ROUNDS = 60;
/** VA Long Beach was certified for round 7 and lost; in round 8 nobody could reach it. */
const paid = (site: string, round: number): number => (site === 'va-long-beach' && round >= 8 ? round - 1 : round);
const epsilonBySite = (round: number): Record<string, number> =>
  Object.fromEntries(SITES.map((site) => [site, epsilonOf([{ ...PLAN, count: paid(site, round) }], DELTA)] as const));
const spentByRound = Array.from({ length: ROUNDS }, (_, index) => ({
  round: index + 1,
  epsilonBySite: epsilonBySite(index + 1),
}));

/** The same study with noise in the enclave, calibrated to ε = 3; made up but for ε. */
export const noisySummary: RunSummary = {
  ...exampleSummary,
  rounds: ROUNDS,
  history: Array.from({ length: ROUNDS }, (_, index) => {
    const round = index + 1;
    const { attempt, aborted, ms, participants, absent } = history[Math.min(index, 19)] as RoundRecord;
    const quality = { testLogLoss: towards(0.463, 0.69, round / 2), testAuc: towards(0.871, 0.74, round / 2) };
    return { round, attempt, aborted, ms, participants, absent, ...quality };
  }),
  faults: [],
  accuracyBySite: { cleveland: 0.8173, hungarian: 0.809, switzerland: 0.6875, 'va-long-beach': 0.7333 },
  accuracyMeanOfSites: 0.7618,
  aucPooled: 0.8714,
  logLoss: 0.4631,
  brier: 0.1502,
  epsilon: epsilonBySite(ROUNDS)['cleveland'] ?? 0,
  epsilonBySite: epsilonBySite(ROUNDS),
  delta: DELTA,
  epsilonValid: true,
  randomness: 'csprng',
  noise: 'enclave',
  privacy: {
    unit: 'record',
    neighbouring: 'add-remove',
    target: 3,
    ...PLAN,
    clip: 0.4,
    stepsPerRound: 1,
    sensitivity: 1_703_940,
    deviation: 2_530_351,
    step: 2 ** -22,
    publicRecords: { cleveland: 200, hungarian: 170, switzerland: 30, 'va-long-beach': 90 },
    roundsBySite: Object.fromEntries(SITES.map((site) => [site, paid(site, ROUNDS)])),
    spentByRound,
  },
};
