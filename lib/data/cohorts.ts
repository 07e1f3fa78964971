import { COHORT_PROFILES, GRADES, OUTCOME, type CohortProfile } from './cohort-profiles.ts';
import { writeHospitalFiles, type HospitalFile, type HospitalText } from './hospital-files.ts';
import { seededStream, type Seed, type SeededStream } from './seeded-stream.ts';

const MISSING = '?';

/**
 * Four invented hospitals whose case mix differs, as files in the format of the heart disease study: no header, 14
 * columns, `?` for missing. Distributions and their sources: docs/synthetic-cohorts.md. No row is copied from
 * anywhere; the same seed gives the same bytes.
 */
export function generateCohorts(seed: Seed): HospitalText[] {
  return COHORT_PROFILES.map((profile) => {
    const stream = seededStream(seed, `cohort/${profile.organisation}`);
    const rows = Array.from({ length: profile.patients }, () => patientRow(profile, stream));
    return { organisation: profile.organisation, text: `${rows.join('\n')}\n` };
  });
}

export interface CohortFolder {
  readonly folder: string;
  /** The study's `files` pattern. */
  readonly pattern: string;
  readonly seed: Seed;
}

export async function writeCohorts({ folder, pattern, seed }: CohortFolder): Promise<HospitalFile[]> {
  return writeHospitalFiles(folder, pattern, generateCohorts(seed));
}

interface Patient {
  readonly age: number;
  readonly male: boolean;
  /** 1–4. */
  readonly chestPain: number;
  readonly pressure: number;
  readonly cholesterol: number;
  readonly highSugar: boolean;
  /** 0–2. */
  readonly ecg: number;
  readonly heartRate: number;
  readonly angina: boolean;
  readonly depression: number;
}

function drawPatient(profile: CohortProfile, stream: SeededStream): Patient {
  const age = rounded(stream, profile.age, [28, 80]);
  const chestPain = 1 + category(stream, profile.chestPain);
  const angina = chance(stream, profile.exerciseAngina[chestPain === 4 ? 1 : 0]);
  const { none, ...depressed } = profile.depression[angina ? 1 : 0];
  const { at54, perYear, sd } = profile.heartRate;
  // Angina ends an exercise test early: the rate reached is lower, by about as much as in all four databases.
  const rate = { mean: at54 + perYear * (age - 54) + (angina ? -9 : 5), sd };
  return {
    age,
    male: chance(stream, profile.male),
    chestPain,
    pressure: rounded(stream, profile.pressure, [85, 210]),
    cholesterol: rounded(stream, profile.cholesterol, [100, 600]),
    highSugar: chance(stream, profile.highSugar),
    ecg: category(stream, profile.ecg),
    heartRate: rounded(stream, rate, [60, 205]),
    angina,
    depression: chance(stream, none) ? 0 : rounded(stream, depressed, [0.1, 6], 10),
  };
}

/** Logistic in the values before any is lost or left unmeasured. */
function logOdds({ intercept }: CohortProfile, patient: Patient): number {
  const linear = ({ centre, slope }: { centre: number; slope: number }, value: number): number =>
    slope * (value - centre);
  return (
    intercept +
    linear(OUTCOME.agePerYear, patient.age) +
    (patient.male ? OUTCOME.male : 0) +
    (OUTCOME.chestPain[patient.chestPain - 1] ?? 0) +
    linear(OUTCOME.pressurePerMmHg, patient.pressure) +
    linear(OUTCOME.cholesterolPerMgDl, patient.cholesterol) +
    (patient.highSugar ? OUTCOME.highSugar : 0) +
    (OUTCOME.ecg[patient.ecg] ?? 0) +
    linear(OUTCOME.heartRatePerBeat, patient.heartRate) +
    (patient.angina ? OUTCOME.exerciseAngina : 0) +
    OUTCOME.depressionPerMm * patient.depression
  );
}

function patientRow(profile: CohortProfile, stream: SeededStream): string {
  const patient = drawPatient(profile, stream);
  // Math.exp may differ in its last bit between engines; that changes a label once in about 2^50 patients.
  const diseased = chance(stream, 1 / (1 + Math.exp(-logOdds(profile, patient))));
  const grade = 1 + category(stream, GRADES);
  const lost = {
    pressure: chance(stream, profile.missing.pressure),
    cholesterol: chance(stream, profile.missing.cholesterol),
    sugar: chance(stream, profile.missing.sugar),
    exercise: chance(stream, profile.missing.exercise),
  };
  const unmeasured = chance(stream, profile.cholesterolUnmeasured);
  const cell = (value: number | boolean, missing = false): string => (missing ? MISSING : String(Number(value)));
  return [
    cell(patient.age),
    cell(patient.male),
    cell(patient.chestPain),
    cell(patient.pressure, lost.pressure),
    cell(unmeasured ? 0 : patient.cholesterol, lost.cholesterol),
    cell(patient.highSugar, lost.sugar),
    cell(patient.ecg),
    cell(patient.heartRate, lost.exercise),
    cell(patient.angina, lost.exercise),
    cell(patient.depression, lost.exercise),
    // slope, ca, thal: the study does not use them and they are not generated.
    MISSING,
    MISSING,
    MISSING,
    cell(diseased ? grade : 0),
  ].join(',');
}

const chance = (stream: SeededStream, probability: number): boolean => stream.uniform() < probability;

/** 0-based; the last category takes what the shares leave. */
function category(stream: SeededStream, shares: readonly number[]): number {
  let left = stream.uniform();
  for (const [index, share] of shares.entries()) {
    left -= share;
    if (left < 0) return index;
  }
  return shares.length - 1;
}

/** A normal value at the file's precision (`steps` per unit), held within bounds. */
function rounded(
  stream: SeededStream,
  { mean, sd }: { readonly mean: number; readonly sd: number },
  [low, high]: readonly [number, number],
  steps = 1,
): number {
  const value = Math.min(high, Math.max(low, mean + sd * stream.normal()));
  return Math.round(value * steps) / steps;
}
