import type { Check } from './attestation-result.ts';
import type { Collateral } from './collateral/collateral.ts';
import type { VendorRoots } from './trust/vendor-roots.ts';

/** What evidence is authenticated against, besides itself. */
export interface AuthenticationInputs {
  /** Milliseconds since 1970: certificates and collateral must be valid then. Never the current time implicitly. */
  readonly at: number;
  readonly roots: VendorRoots;
  /** Unverified, as given; empty is allowed, and what is lacking becomes a missing check with that name. */
  readonly collateral: Collateral;
  /**
   * `accept-absent`: where revocation data exists but was not given, the check passes and says *revocation: not
   * available*; `required`: it is missing, so that the verdict is inconclusive. Data that is given is always checked.
   */
  readonly revocation: 'required' | 'accept-absent';
  /** Milliseconds since 1970: lists inside the evidence that were issued before are passed over. Left out: none is. */
  readonly issuedSince?: number;
  /** True: a certificate that its issuer has put on hold (OCSP reason 6) does not fail. Left out: it is revoked. */
  readonly acceptHold?: boolean;
}

/** The outcome of `authenticate`: claims only where every check passed, apart from missing ones. */
export interface Authentication<Claims> {
  /** Null when a check failed. With missing checks the claims are there, and the verdict is inconclusive. */
  readonly claims: Claims | null;
  /** Every check that was made, also after a failure. */
  readonly checks: readonly Check[];
}

/** Claims survive missing inputs, never failures. */
export function authentication<Claims>(claims: Claims, checks: readonly Check[]): Authentication<Claims> {
  const failed = checks.some(({ passed, missing }) => !passed && missing !== true);
  return { claims: failed || checks.length === 0 ? null : claims, checks };
}

/** A needed input that was not given. */
export const missingCheck = (name: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-COLLATERAL',
  passed: false,
  missing: true,
  got: 'not given',
  want,
});

/** Revocation data exists for this platform but none was given. */
export const absentRevocation = (name: string, want: string, revocation: AuthenticationInputs['revocation']): Check =>
  revocation === 'required'
    ? missingCheck(name, want)
    : { name, code: 'E-ATTEST-COLLATERAL', passed: true, got: NOT_AVAILABLE, want: 'accepted by policy when absent' };

/** The words of a check that passed without its data, for platforms that offer no revocation and for accepted absence. */
export const NOT_AVAILABLE = 'revocation: not available';
