import { bytesEqual, toHex } from '../core/bytes.ts';
import { ERRORS, refusal } from '../core/errors.ts';
import { failedCheck, type Check } from './attestation-result.ts';
import { NOT_AVAILABLE, type AuthenticationInputs } from './authentication.ts';
import type { Collateral } from './collateral/collateral.ts';
import { issuedAt } from './collateral/issued-at.ts';
import type { EvidenceClaims, EvidenceFormat } from './evidence-claims.ts';
import { platformOf, recognisedPlatform, type AuthenticatedEvidence, type ParsedEvidence } from './platforms.ts';
import type { Policy } from './policy/policy.ts';
import { VENDOR_ROOTS, type VendorRoots } from './trust/vendor-roots.ts';

export interface EvidenceInputs {
  /** `auto`: whatever recognises the bytes. */
  readonly format: EvidenceFormat | 'auto';
  readonly bytes: Uint8Array;
  /** Unverified, as given. */
  readonly collateral: Collateral;
  /** Milliseconds since 1970: the moment of the verdict. Never the current time implicitly. */
  readonly at: number;
  readonly roots?: VendorRoots;
  /** Null: the evidence is authenticated, and nothing is said about whether its claims are acceptable. */
  readonly policy: Policy | null;
  /** What the evidence must have been made for; left out: not checked, so that the evidence may be a replay. */
  readonly expected?: { readonly reportData?: Uint8Array; readonly nonce?: Uint8Array };
}

/**
 * `affirming`: authentic and every check passed; `refused`: authentic, and a rule of the policy is broken;
 * `not-authentic`: a signature, a date, a part or the binding is wrong; `inconclusive`: a needed input is missing;
 * `not-appraised`: authentic, but no expectation was given.
 */
export type Outcome = 'affirming' | 'refused' | 'not-authentic' | 'inconclusive' | 'not-appraised';

/** The verdict on one piece of evidence; the same inputs always give the same verdict. */
export interface EvidenceVerdict {
  readonly outcome: Outcome;
  /** Null: nothing recognised the bytes. */
  readonly format: EvidenceFormat | null;
  readonly at: number;
  /** Every check that was made, in order; at least one. */
  readonly checks: readonly Check[];
  /** Null unless signatures and chains hold. Not to be acted on unless the outcome is `affirming`. */
  readonly claims: EvidenceClaims | null;
  /** Of the policy that was applied; null: none. */
  readonly policyId: string | null;
  /** What the policy accepted with open eyes: a program that runs with debugging. */
  readonly simulation: boolean;
}

const DAY_MS = 86_400_000;
const SHOWN_BYTES = 32;

/** Recognise → parse → authenticate → appraise (PROTOCOL §5). Pure; hostile bytes give a verdict, never a throw. */
export function verifyEvidence(inputs: EvidenceInputs): EvidenceVerdict {
  const { format, bytes, policy } = inputs;
  const platform = format === 'auto' ? recognisedPlatform(bytes) : platformOf(format);
  if (platform === null) {
    const want = format === 'auto' ? 'evidence of a known platform' : `evidence of ${format}`;
    const unknown = refusal('E-ATTEST-MALFORMED', 'format', { got: 'bytes of no known format', want });
    return verdict(inputs, null, null, [failedCheck(unknown, 'format')]);
  }
  const parsed = platform.parse(bytes);
  if (!parsed.ok) return verdict(inputs, platform.format, null, [failedCheck(parsed.error, 'evidence')]);
  const revocation = policy?.revocation ?? 'required';
  const evidence = authenticateAt(parsed.value, inputs, { revocation, collateral: inputs.collateral });
  const { claims } = evidence;
  const appraised =
    claims === null ? [] : [...bindingChecks(claims, inputs.expected ?? {}), ...policyChecks(claims, evidence, inputs)];
  const checks = [...evidence.checks, ...ageChecks(parsed.value, evidence, inputs), ...appraised];
  return verdict(inputs, platform.format, claims, checks);
}

function authenticateAt(
  parsed: ParsedEvidence,
  { at, roots = VENDOR_ROOTS, policy }: EvidenceInputs,
  given: Pick<AuthenticationInputs, 'revocation' | 'collateral' | 'issuedSince'>,
): AuthenticatedEvidence {
  const acceptHold = policy?.sections['nvidia-gpu']['allowHold'] === true;
  return parsed.authenticate({ at, roots, acceptHold, ...given });
}

/**
 * Collateral that is too old is left out a second time: what no longer passes then is what the verdict needs and has
 * only in old form, whatever else was put in its place. It still took part in the first authentication, so that a
 * revocation is never overlooked.
 */
function ageChecks(parsed: ParsedEvidence, first: AuthenticatedEvidence, inputs: EvidenceInputs): Check[] {
  const { policy, at, collateral } = inputs;
  const most = policy?.maxCollateralAgeDays ?? null;
  if (most === null) return [];
  const issuedSince = at - most * DAY_MS;
  const fresh = collateral.filter((item) => (issuedAt(item) ?? at) >= issuedSince);
  const lacking = ({ checks }: AuthenticatedEvidence): string[] =>
    checks.flatMap(({ name, passed, got }) => (!passed || got === NOT_AVAILABLE ? [name] : []));
  const before = lacking(first);
  const second = authenticateAt(parsed, inputs, { revocation: 'required', collateral: fresh, issuedSince });
  const old = lacking(second).filter((name) => !before.includes(name));
  return [
    {
      name: 'collateral age',
      code: 'E-ATTEST-POLICY',
      passed: old.length === 0,
      got: old.length === 0 ? 'recent' : `older: ${old.join(', ')}`,
      want: `issued at most ${most} days before`,
    },
  ];
}

function bindingChecks(claims: EvidenceClaims, expected: NonNullable<EvidenceInputs['expected']>): Check[] {
  const check = (name: string, got: Uint8Array | null, want: Uint8Array | undefined): Check[] =>
    want === undefined
      ? []
      : [
          {
            name,
            code: 'E-ATTEST-BINDING',
            passed: got !== null && bytesEqual(got, want),
            got: got === null ? 'none' : shown(got),
            want: shown(want),
          },
        ];
  return [
    ...check('report data', claims.reportData, expected.reportData),
    ...check('nonce', claims.nonce, expected.nonce),
  ];
}

function policyChecks(
  claims: EvidenceClaims,
  evidence: AuthenticatedEvidence,
  inputs: EvidenceInputs,
): readonly Check[] {
  const { policy, at } = inputs;
  if (policy === null) return [];
  const rules = evidence.appraise(policy.sections[claims.format], at);
  const named = [...evidence.checks, ...rules].some(({ code }) => code === 'E-ATTEST-MEASUREMENT');
  return [
    {
      name: 'platform',
      code: 'E-ATTEST-PLATFORM',
      passed: policy.platforms.includes(claims.format),
      got: claims.format,
      want:
        policy.platforms.length === 0
          ? 'nothing: the policy names no platform'
          : `one of ${policy.platforms.join(', ')}`,
    },
    {
      name: 'debug',
      code: 'E-ATTEST-DEBUG',
      passed: !claims.debug || policy.simulation,
      got: claims.debug ? 'on' : 'off',
      want: policy.simulation ? 'any: the policy says simulation' : 'off',
    },
    {
      name: 'program',
      code: 'E-ATTEST-MEASUREMENT',
      passed: named || policy.anyProgram,
      got: named ? 'compared with reference values' : 'no reference value in the policy',
      want: policy.anyProgram ? 'any program' : 'a reference value: a measurement, a signer',
    },
    ...rules,
  ];
}

function verdict(
  { at, policy }: EvidenceInputs,
  format: EvidenceFormat | null,
  claims: EvidenceClaims | null,
  checks: readonly Check[],
): EvidenceVerdict {
  const outcome = outcomeOf(checks, claims, policy);
  const simulation = claims?.debug === true && policy?.simulation === true;
  return { outcome, format, at, checks, claims, policyId: policy?.id ?? null, simulation };
}

function outcomeOf(checks: readonly Check[], claims: EvidenceClaims | null, policy: Policy | null): Outcome {
  const failed = checks.filter(({ passed }) => !passed);
  const forged = failed.some(({ code, missing }) => missing !== true && ERRORS[code].exit === EXIT['not-authentic']);
  if (forged || (claims === null && failed.length === 0)) return 'not-authentic';
  if (failed.some(({ missing }) => missing === true)) return 'inconclusive';
  if (failed.length > 0) return 'refused';
  return policy === null ? 'not-appraised' : 'affirming';
}

/** Exit codes of the command line by outcome. */
export const EXIT: Readonly<Record<Outcome, number>> = {
  affirming: 0,
  'not-appraised': 0,
  refused: 40,
  'not-authentic': 41,
  inconclusive: 42,
};

const shown = (bytes: Uint8Array): string =>
  bytes.length > SHOWN_BYTES ? `${toHex(bytes.subarray(0, SHOWN_BYTES))}…` : toHex(bytes);
