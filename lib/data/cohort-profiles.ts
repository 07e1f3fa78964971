import { organisationId, type OrganisationId } from '../core/ids.ts';

interface Spread {
  readonly mean: number;
  readonly sd: number;
}

/** What each field means and where its numbers come from: docs/synthetic-cohorts.md. */
export interface CohortProfile {
  readonly organisation: OrganisationId;
  readonly patients: number;
  /** Years. */
  readonly age: Spread;
  readonly male: number;
  /** Shares of chest pain 1 typical angina, 2 atypical angina, 3 non-anginal pain, 4 none. */
  readonly chestPain: readonly number[];
  /** Resting systolic blood pressure, mmHg. */
  readonly pressure: Spread;
  /** Serum cholesterol, mg/dl. */
  readonly cholesterol: Spread;
  /** Share of patients whose cholesterol was not measured and stands as 0. */
  readonly cholesterolUnmeasured: number;
  /** Share with fasting blood sugar above 120 mg/dl. */
  readonly highSugar: number;
  /** Shares of resting ECG 0 normal, 1 ST-T abnormality, 2 left ventricular hypertrophy. */
  readonly ecg: readonly number[];
  /** Highest heart rate under exercise: value at 54 years, change per year, deviation; beats per minute. */
  readonly heartRate: { readonly at54: number; readonly perYear: number; readonly sd: number };
  /** Share with exercise angina, among chest pain 1–3 and among 4. */
  readonly exerciseAngina: readonly [number, number];
  /** ST depression, mm: share without any, and its spread where there is some; without and with exercise angina. */
  readonly depression: readonly [Depression, Depression];
  /** Log-odds of disease of a reference patient (see OUTCOME). */
  readonly intercept: number;
  /** Shares of rows in which the value, or the whole exercise test, is missing. */
  readonly missing: {
    readonly pressure: number;
    readonly cholesterol: number;
    readonly sugar: number;
    readonly exercise: number;
  };
}

interface Depression extends Spread {
  readonly none: number;
}

/** Change in the log-odds of disease; the reference patient is a woman of 54 with values at these centres. */
export const OUTCOME = {
  agePerYear: { centre: 54, slope: 0.025 },
  male: 1.2,
  /** For chest pain 1, 2, 3, 4. */
  chestPain: [0, -0.4, 0, 1.6],
  pressurePerMmHg: { centre: 130, slope: 0.006 },
  cholesterolPerMgDl: { centre: 220, slope: 0.003 },
  highSugar: 0.7,
  /** For ECG 0, 1, 2. */
  ecg: [0, 0.2, 0.3],
  heartRatePerBeat: { centre: 140, slope: -0.015 },
  exerciseAngina: 1.3,
  depressionPerMm: 0.6,
} as const;

/** Grades 1–4 among the diseased: counts of all four databases in `heart-disease.names` (196, 135, 135, 43). */
export const GRADES = [0.385, 0.265, 0.265, 0.085];

export const COHORT_PROFILES: readonly CohortProfile[] = [
  {
    organisation: organisationId('harbour'),
    patients: 220,
    age: { mean: 59.4, sd: 7.8 },
    male: 0.97,
    chestPain: [0.04, 0.07, 0.23, 0.66],
    pressure: { mean: 134, sd: 20 },
    cholesterol: { mean: 240, sd: 53 },
    cholesterolUnmeasured: 0.24,
    highSugar: 0.35,
    ecg: [0.4, 0.47, 0.13],
    heartRate: { at54: 125, perYear: -0.5, sd: 21.6 },
    exerciseAngina: [0.47, 0.71],
    depression: [
      { none: 0.47, mean: 1.6, sd: 0.9 },
      { none: 0.18, mean: 1.9, sd: 0.9 },
    ],
    intercept: -3.1,
    missing: { pressure: 0.02, cholesterol: 0.035, sugar: 0.035, exercise: 0.27 },
  },
  {
    organisation: organisationId('lakeside'),
    patients: 140,
    age: { mean: 55.3, sd: 9 },
    male: 0.92,
    chestPain: [0.03, 0.05, 0.16, 0.76],
    pressure: { mean: 130, sd: 22.5 },
    cholesterol: { mean: 240, sd: 50 },
    cholesterolUnmeasured: 1,
    highSugar: 0.1,
    ecg: [0.69, 0.25, 0.06],
    heartRate: { at54: 122.5, perYear: -0.8, sd: 24.8 },
    exerciseAngina: [0.22, 0.5],
    depression: [
      { none: 0.45, mean: 1.1, sd: 0.8 },
      { none: 0.3, mean: 1.2, sd: 0.8 },
    ],
    intercept: -1.2,
    missing: { pressure: 0.016, cholesterol: 0, sugar: 0.5, exercise: 0.03 },
  },
  {
    organisation: organisationId('northfield'),
    patients: 310,
    age: { mean: 54.4, sd: 9 },
    male: 0.68,
    chestPain: [0.08, 0.17, 0.28, 0.47],
    pressure: { mean: 131.7, sd: 17.6 },
    cholesterol: { mean: 246.7, sd: 51.8 },
    cholesterolUnmeasured: 0,
    highSugar: 0.15,
    ecg: [0.5, 0.01, 0.49],
    heartRate: { at54: 150, perYear: -1, sd: 21 },
    exerciseAngina: [0.12, 0.56],
    depression: [
      { none: 0.39, mean: 1.3, sd: 1 },
      { none: 0.19, mean: 1.9, sd: 1.1 },
    ],
    intercept: -2.9,
    missing: { pressure: 0, cholesterol: 0, sugar: 0, exercise: 0 },
  },
  {
    organisation: organisationId('st-anne'),
    patients: 290,
    age: { mean: 47.8, sd: 7.8 },
    male: 0.72,
    chestPain: [0.04, 0.36, 0.18, 0.42],
    pressure: { mean: 132.6, sd: 17.6 },
    cholesterol: { mean: 250.8, sd: 67.5 },
    cholesterolUnmeasured: 0,
    highSugar: 0.07,
    ecg: [0.8, 0.18, 0.02],
    heartRate: { at54: 130.6, perYear: -1.4, sd: 20.9 },
    exerciseAngina: [0.1, 0.59],
    depression: [
      { none: 0.86, mean: 1.5, sd: 0.7 },
      { none: 0.15, mean: 1.7, sd: 0.8 },
    ],
    intercept: -3,
    missing: { pressure: 0.003, cholesterol: 0.078, sugar: 0.027, exercise: 0.003 },
  },
];
