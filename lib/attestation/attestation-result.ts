import { refusal, type ErrorCode, type Refusal } from '../core/errors.ts';
import type { Instant } from '../core/ids.ts';
import type { Claims } from './claims.ts';
import type { Platform } from './evidence.ts';

/** One check of authentication or appraisal, passed or not. `got` and `want` hold no secret. */
export interface Check {
  readonly name: string;
  /** The code that a failure has. */
  readonly code: ErrorCode;
  readonly passed: boolean;
  /** Failed only because an input that it needs was not given: the verdict is inconclusive rather than negative. */
  readonly missing?: true;
  readonly got: string;
  readonly want: string;
}

/** The verdict of a Verifier (RFC 9334 §8.4), in the shape of EAR (draft-ietf-rats-ear): yes or no, with every check. */
export interface AttestationResult {
  readonly status: 'affirming' | 'contraindicated';
  /** Null when the envelope could not be read. */
  readonly platform: Platform | null;
  /** True: the verdict protects nothing, whatever `status` says. */
  readonly simulated: boolean;
  /** Every check that was made, in order; at least one. */
  readonly checks: readonly Check[];
  readonly at: Instant;
  /** What the evidence says; null unless it is authentic. Not to be acted on unless `status` is affirming. */
  readonly claims: Claims | null;
}

type Verdict = Omit<AttestationResult, 'status' | 'claims'> & Partial<Pick<AttestationResult, 'claims'>>;

/** Affirming only if there is a check and none failed; without `claims` nothing was authenticated. */
export function attestationResult({ claims = null, ...fields }: Verdict): AttestationResult {
  const affirming = fields.checks.length > 0 && fields.checks.every(({ passed }) => passed);
  return { status: affirming ? 'affirming' : 'contraindicated', ...fields, claims };
}

export const failedCheck = ({ code, detail, got, want }: Refusal, name: string): Check => ({
  name,
  code,
  passed: false,
  got: got ?? (detail === '' ? 'nothing' : detail),
  want: want ?? 'well-formed evidence',
});

/** Every failed check as a refusal; empty when affirming. */
export function failuresOf(result: AttestationResult): Refusal[] {
  return result.checks
    .filter(({ passed }) => !passed)
    .map(({ name, code, got, want }) => refusal(code, name, { got, want }));
}

/** One refusal for callers that carry one: the first failure's code, all failures in the detail; null when affirming. */
export function refusalOf(result: AttestationResult): Refusal | null {
  const [first, ...others] = failuresOf(result);
  if (first === undefined) return null;
  if (others.length === 0) return first;
  const also = others.map(({ code, detail, got, want }) => `${code} ${detail}: got ${got ?? ''}, want ${want ?? ''}`);
  return { ...first, detail: `${first.detail}; also ${also.join('; ')}` };
}
