import type { Check } from '../../../lib/attestation/attestation-result.ts';
import { NOT_AVAILABLE } from '../../../lib/attestation/authentication.ts';
import type { ClaimValue, EvidenceClaims } from '../../../lib/attestation/evidence-claims.ts';
import { EXIT, type EvidenceVerdict, type Outcome } from '../../../lib/attestation/verify-evidence.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { ERRORS, refusal, RefusalError, type Refusal } from '../../../lib/core/errors.ts';
import { fitted, printable, wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';

const MOST_COLUMNS = 140;
const LEAST_CELL = 24;
const LABEL_COLUMNS = 20;

/** Never a bare "valid": an outcome says what it rests on. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  affirming: 'ACCEPTED: authentic, and every check of the policy passed',
  'not-appraised': 'AUTHENTIC, NOT APPRAISED: no expectation given',
  refused: 'REFUSED: authentic, but not what the policy allows',
  'not-authentic': 'NOT AUTHENTIC',
  inconclusive: 'INCONCLUSIVE: a needed input is missing',
};

interface Shown {
  readonly file: string;
  /** Whether a nonce or report data was asked for. */
  readonly asked: boolean;
  readonly columns: number;
}

/** For people: the verdict, every check, the claims, and what the verdict does not say. */
export function verdictText(verdict: EvidenceVerdict, { file, asked, columns }: Shown): string {
  const { outcome, format, at, checks, claims, simulation } = verdict;
  const width = Math.min(columns, MOST_COLUMNS) - 1;
  const facts = [
    printable(`File      ${file}`),
    `Platform  ${format ?? 'not recognised'}`,
    `At        ${new Date(at).toISOString()}`,
    `Verdict   ${OUTCOME_WORDS[outcome]}`,
    ...(simulation ? ['          SIMULATION: the policy accepts debugging, which protects nothing'] : []),
  ];
  return [
    ...facts,
    '',
    checksTable(checks, width),
    ...(claims === null ? [] : [...claimLines(claims, width), '']),
    ...wrapped(caveat(verdict, asked), width),
    '',
  ].join('\n');
}

function checksTable(checks: readonly Check[], width: number): string {
  const names = Math.max(...checks.map(({ name }) => name.length));
  const cell = Math.max(LEAST_CELL, Math.floor((width - names - 'not available'.length - 6) / 2));
  return renderTable(
    ['check', 'result', 'got', 'wanted'].map((title) => ({ title, align: 'left' })),
    checks.map((check) => [check.name, resultOf(check), fitted(check.got, cell), fitted(check.want, cell)]),
  );
}

function resultOf({ passed, missing, got }: Check): string {
  if (passed) return got === NOT_AVAILABLE ? 'not available' : 'passed';
  return missing === true ? 'not available' : 'FAILED';
}

function claimLines(
  { measurements, reportData, nonce, instance, debug, issuedAt, details }: EvidenceClaims,
  width: number,
): string[] {
  const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : toHex(bytes));
  const claims: Readonly<Record<string, ClaimValue>> = {
    ...measurements,
    'report data': hex(reportData),
    nonce: hex(nonce),
    instance,
    debug: debug ? 'ON: whoever runs the machine can read everything' : 'off',
    'issued at': issuedAt === null ? null : new Date(issuedAt).toISOString(),
    ...details,
  };
  return [
    'What the evidence says:',
    ...Object.entries(claims).flatMap(([name, value]) => claimLine(name, value, width)),
  ];
}

function claimLine(name: string, value: ClaimValue, width: number): string[] {
  const text = typeof value === 'string' ? shown(value) : value === null ? '–' : JSON.stringify(value);
  const lines = wrapped(printable(text), width - LABEL_COLUMNS - 2);
  return lines.map((line, index) => `  ${(index === 0 ? printable(name) : '').padEnd(LABEL_COLUMNS)}${line}`);
}

/** A register that nothing was written to need not be read digit by digit. */
const shown = (text: string): string => (/^(?:00){16,}$/.test(text) ? `zero (${text.length / 2} bytes)` : text);

/** One sentence or two about the limits of this verdict. */
function caveat({ outcome, checks, claims }: EvidenceVerdict, asked: boolean): string {
  if (outcome === 'not-authentic') {
    return claims === null
      ? 'Nothing in this file may be believed.'
      : 'The evidence is genuine and belongs to something else than what was asked: do not act on it.';
  }
  if (outcome === 'inconclusive') {
    const lacking = checks.filter(({ passed, missing }) => !passed && missing === true).map(({ name }) => name);
    return `Nothing is known to be wrong, and nothing is proven. Missing: ${lacking.join(', ')}.`;
  }
  const fresh = asked
    ? ''
    : ' No nonce and no report data was asked for, so it may have been recorded earlier or elsewhere.';
  const revocation = checks.some(({ got }) => got === NOT_AVAILABLE) ? ' Revocation could not be checked.' : '';
  return (
    'Not proven: that the program does what it should, and that nobody opened the machine; vendors do not promise to ' +
    `withstand physical attacks.${fresh}${revocation}`
  );
}

/** Throws RefusalError for verdicts with an exit code, the failures that decide it first. `names`: shown before each. */
export function refuseUnlessPassed(verdicts: readonly EvidenceVerdict[], names: readonly string[] = []): void {
  const refusals = verdicts.flatMap((verdict, index) => {
    const name = names[index];
    return failuresOf(verdict).map((one): Refusal =>
      name === undefined ? one : { ...one, detail: `${name}: ${one.detail}` },
    );
  });
  const [first, ...others] = refusals;
  if (first !== undefined) throw new RefusalError(first, ...others);
}

function failuresOf({ outcome, checks }: EvidenceVerdict): Refusal[] {
  if (EXIT[outcome] === 0) return [];
  const failures = checks
    .filter(({ passed }) => !passed)
    .map(({ name, code, got, want }) => refusal(code, name, { got, want }));
  const decides = ({ code }: Refusal): boolean => ERRORS[code].exit === EXIT[outcome];
  const ordered = [...failures.filter(decides), ...failures.filter((one) => !decides(one))];
  return ordered.length > 0 ? ordered : [refusal('E-ATTEST-SIGNATURE', 'nothing could be checked')];
}
