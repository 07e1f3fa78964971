import { toHex } from '../../../lib/core/bytes.ts';
import { printable, wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
import type { Verification } from '../../setup/verify-model.ts';

export interface ShownVerification extends Verification {
  readonly modelPath: string | null;
}

/** For people: what was checked, the verdict of each check, and what it does not say. `columns`: width of the terminal. */
export function verificationText(shown: ShownVerification, columns: number): string {
  const { checks, passed } = shown;
  const table = renderTable(
    ['check', 'result', 'detail'].map((title) => ({ title, align: 'left' })),
    checks.map(({ name, passed: good, detail }) => [name, good ? 'passed' : 'FAILED', good ? detail : 'see below']),
  );
  const failed = checks.filter((check) => !check.passed);
  const reasons = failed.flatMap(({ name, detail }) => [...wrapped(printable(`${name}: ${detail}`), columns - 1), '']);
  const verdict = passed
    ? `VERIFIED: all ${checks.length} checks passed.`
    : `NOT VERIFIED: ${failed.length} of ${checks.length} checks failed. Do not use this model.`;
  return [...claims(shown), '', table, ...reasons, ...warnings(shown), verdict, ''].join('\n');
}

function claims({ contract, release, modelPath }: ShownVerification): string[] {
  if (contract === null || release === null) return ['The bundle cannot be read as far as its contract and release.'];
  const { study, rounds } = contract.contract;
  return [
    `Study      ${printable(study.title)} (${study.id})`,
    `Contract   ${toHex(contract.digest)}`,
    `Round      ${release.round} of ${rounds}, from ${release.cohortSize} hospitals, ${new Date(release.at).toISOString()}`,
    `Model      ${toHex(release.child)}`,
    `Program    ${toHex(release.software)}`,
    `Weights    ${modelPath ?? 'no model file is beside the bundle'}`,
  ];
}

function warnings({ simulated, weightsChecked, passed }: ShownVerification): string[] {
  const lines: string[] = [];
  if (!weightsChecked) lines.push('Weights not checked: give --model to compare a model file with the passport.', '');
  if (simulated && passed)
    lines.push('SIMULATED attestation: it protects nothing, and whoever ran the machines could read every update.', '');
  return lines;
}

export function verificationAsJson({ contract, release, ...rest }: ShownVerification): string {
  const { passed, simulated, weightsChecked, modelPath, checks } = rest;
  return JSON.stringify({
    type: 'verification',
    passed,
    simulated,
    weightsChecked,
    modelFile: modelPath,
    study: contract?.contract.study.id ?? null,
    contract: contract === null ? null : toHex(contract.digest),
    round: release?.round ?? null,
    cohortSize: release?.cohortSize ?? null,
    model: release === null ? null : toHex(release.child),
    software: release === null ? null : toHex(release.software),
    checks,
  });
}
