/** Quality of one model on one hospital's test rows; a threshold of 0.5 for accuracy. */
export interface SiteQuality {
  readonly accuracy: number;
  /** Null when the test rows are all of one class. */
  readonly auc: number | null;
  /** Mean negative log-likelihood, natural logarithm. */
  readonly logLoss: number;
}

/** Rows of one hospital's file. */
export interface SiteRows {
  readonly trained: number;
  readonly tested: number;
  /** Left out by the missing-value rule. */
  readonly dropped: number;
}

export interface Baselines {
  /** Each hospital trains alone, on its own rows, and is tested on its own test rows. */
  readonly local: {
    readonly bySite: Readonly<Record<string, SiteQuality>>;
    readonly accuracyMeanOfSites: number;
  };
  /** One model fitted on all rows in one place, tested on all test rows: what federation is measured against. */
  readonly pooled: {
    readonly accuracyMeanOfSites: number;
    readonly aucPooled: number | null;
    readonly logLoss: number;
    readonly accuracyBySite?: Readonly<Record<string, number>>;
  };
  /** Always guessing the more frequent class of the hospital's test rows: what accuracy is worth there. */
  readonly majority?: { readonly accuracyBySite: Readonly<Record<string, number>> };
}

/** One released round. */
export interface RoundRecord {
  readonly round: number;
  /** The attempt that was released, from 1. */
  readonly attempt: number;
  /** Attempts at this round that came to nothing, with the code that the enclave signed. */
  readonly aborted: readonly { readonly attempt: number; readonly code: string }[];
  /** Mean of the participants' training losses; absent when they do not report it. */
  readonly trainLossMean?: number;
  /** On all test rows. */
  readonly testLogLoss: number;
  readonly testAuc: number | null;
  readonly ms: number;
  readonly participants: readonly string[];
  readonly absent: readonly { readonly site: string; readonly why: string }[];
}

/** A fault that was asked for, and what became of it. */
export interface FaultRecord {
  /** The flag as it was typed. */
  readonly asked: string;
  readonly kind: 'drop' | 'partition' | 'kill' | 'tamper' | 'duplicate' | 'reorder' | 'cut' | 'slow' | 'latency';
  /** Ids of hospitals, `enclave` or `coordinator`. */
  readonly parties: readonly string[];
  /** null: the study never came to that round. Round and attempt 0, phase `start`: before the first round. */
  readonly struck: {
    readonly round: number;
    readonly attempt: number;
    /** What was waited for: `start`, `opening`, `commit`, `upload`, `acknowledge`. */
    readonly phase: string;
    /** Since the run began. */
    readonly atMs: number;
  } | null;
  /** Until lines and programs were as before; null: it struck once, or until the end of the run. */
  readonly lastedMs: number | null;
  /** What came of it, in plain words. */
  readonly outcome: string;
}

export interface PassportCheck {
  readonly name: string;
  readonly passed: boolean;
  /** What was compared, in plain words; may be empty. */
  readonly detail: string;
}

/** Fields that the simulator computed because it may see everything; in a real study nobody could. */
export type SimulatorField =
  'accuracyBySite' | 'accuracyMeanOfSites' | 'aucPooled' | 'logLoss' | 'brier' | 'baselines' | 'history';

/** What the contract said about noise, and what was counted. */
export interface PrivacySummary {
  readonly unit: 'record';
  readonly neighbouring: 'add-remove';
  /** ε that the whole study was planned to cost, at `delta`. */
  readonly target: number;
  readonly samplingRate: number;
  /** Largest L2 norm of one record's gradient. */
  readonly clip: number;
  /** Deviation of the noise over the sensitivity of the noised sum. */
  readonly noiseMultiplier: number;
  readonly stepsPerRound: number;
  /** In steps of the grid; `step` is one of them in parameter units. */
  readonly sensitivity: number;
  readonly deviation: number;
  readonly step: number;
  /** Training records of each hospital as the contract publishes them, rounded. */
  readonly publicRecords: Readonly<Record<string, number>>;
  /** Rounds that each hospital has paid for. */
  readonly roundsBySite: Readonly<Record<string, number>>;
  /** ε that each hospital's records had cost by the end of each round that had a cohort, released or not. */
  readonly spentByRound: readonly {
    readonly round: number;
    readonly epsilonBySite: Readonly<Record<string, number>>;
  }[];
}

/**
 * What a run came to: the last line of `--json`, the content of `summary.json`, the source of `report.html`.
 * Digests and measurements are lower-case hexadecimal. No field holds a value of a patient.
 */
export interface RunSummary {
  readonly type: 'summary';
  readonly study: { readonly id: string; readonly title: string };
  /** Released rounds. */
  readonly rounds: number;
  /** Ids of the hospitals, in the order of the contract. */
  readonly sites: readonly string[];
  /** Numbers that the model learns. */
  readonly parameters: number;
  readonly rows: Readonly<Record<string, SiteRows>>;

  /** On each hospital's test rows, threshold 0.5; null where a hospital has none. */
  readonly accuracyBySite: Readonly<Record<string, number | null>>;
  readonly accuracyMeanOfSites: number | null;
  /** On all test rows together; null when they are all of one class. */
  readonly aucPooled: number | null;
  readonly logLoss: number;
  /** Mean squared difference between probability and outcome (Brier 1950). */
  readonly brier: number;
  readonly baselines: Baselines;
  readonly history: readonly RoundRecord[];
  /** Empty when nobody asked for any. */
  readonly faults: readonly FaultRecord[];

  /** Spent by the most exposed hospital's records, at `delta`; null: no noise, no differential privacy. */
  readonly epsilon: number | null;
  readonly epsilonBySite: Readonly<Record<string, number | null>>;
  readonly delta: number | null;
  /** False for every run with a chosen seed: who knows the seed knows the noise. */
  readonly epsilonValid: boolean;
  readonly noise: 'none' | 'site' | 'enclave';
  /** null: no noise. */
  readonly privacy: PrivacySummary | null;

  readonly backend: string;
  readonly randomness: 'seeded' | 'csprng';
  /** True when the rows were generated, or divided among made-up hospitals. */
  readonly synthetic: boolean;
  readonly wallMs: number;
  /** ISO 8601 in UTC; absent where a fixed clock makes it meaningless. */
  readonly finishedAt?: string;

  readonly modelDigest: string;
  readonly contractDigest: string;
  readonly passportVerified: boolean;
  readonly passportChecks: readonly PassportCheck[];
  readonly attestation: {
    readonly platform: string;
    readonly simulated: true;
    readonly enclaveMeasurement: string;
    readonly siteMeasurement: string;
  };
  /** The rules of the contract that the checks held the run against. */
  readonly policy?: {
    readonly kMin: number;
    readonly requireSites: readonly string[];
    readonly environment: 'simulation' | 'production';
  };

  readonly computedBySimulator: readonly SimulatorField[];
  /** What lies in the run folder: purpose (`model`, `bundle`, `statements`, `report`, `summary`, `orgKeys`, `roots`) → path. */
  readonly files: Readonly<Record<string, string>>;
}
