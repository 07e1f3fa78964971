import type { AppraisalPolicy } from '../contract/appraisal-policy.ts';
import { bytesEqual, toHex } from '../core/bytes.ts';
import type { Check } from './attestation-result.ts';
import type { Claims, Role } from './claims.ts';

export type Environment = 'simulation' | 'production';

/** What this session, rather than the contract's policy, demands of the claims. */
export interface AppraisalContext {
  readonly environment: Environment;
  /** Whose evidence this must be. */
  readonly role: Role;
  /** 64 bytes the evidence must have been made for. */
  readonly reportData: Uint8Array;
}

const LISTED = 4;
const SHOWN_BYTES = 16;

/** Claims × policy → every check, passed or failed (PROTOCOL §5). Nothing is skipped after a failure. */
export function appraise(claims: Claims, policy: AppraisalPolicy, context: AppraisalContext): readonly Check[] {
  return [
    environmentCheck(claims.simulated, context.environment),
    {
      name: 'platform',
      code: 'E-ATTEST-PLATFORM',
      passed: policy.platforms.includes(claims.platform),
      got: claims.platform,
      want: oneOf(policy.platforms),
    },
    {
      name: 'measurement',
      code: 'E-ATTEST-MEASUREMENT',
      passed: policy.measurements.some((allowed) => bytesEqual(allowed, claims.measurement)),
      got: toHex(claims.measurement),
      want: oneOf(policy.measurements.map(toHex)),
    },
    {
      name: 'debug',
      code: 'E-ATTEST-DEBUG',
      passed: !claims.debug,
      got: claims.debug ? 'on' : 'off',
      want: 'off',
    },
    {
      name: 'instance',
      code: 'E-ATTEST-INSTANCE',
      passed: policy.instances?.includes(claims.instance) ?? true,
      got: claims.instance,
      want: policy.instances === null ? 'any genuine machine' : oneOf(policy.instances),
    },
    {
      name: 'svn',
      code: 'E-ATTEST-SVN',
      passed: claims.svn >= policy.minSvn,
      got: `${claims.svn}`,
      want: `at least ${policy.minSvn}`,
    },
    {
      name: 'role',
      code: 'E-ATTEST-ROLE',
      passed: claims.role === null || claims.role === context.role,
      got: claims.role ?? 'not claimed by this platform (the binder carries it)',
      want: context.role,
    },
    {
      name: 'report data',
      code: 'E-ATTEST-BINDING',
      passed: bytesEqual(claims.reportData, context.reportData),
      got: shorten(claims.reportData),
      want: shorten(context.reportData),
    },
  ];
}

/** Simulated evidence counts only under a contract that says `environment: simulation`. */
export function environmentCheck(simulated: boolean, environment: Environment): Check {
  return {
    name: 'environment',
    code: 'E-ATTEST-SIMULATED',
    passed: !simulated || environment === 'simulation',
    got: simulated ? 'simulated evidence' : 'evidence of real hardware',
    want: environment === 'simulation' ? 'any' : 'evidence of real hardware',
  };
}

function oneOf(allowed: readonly string[]): string {
  if (allowed.length === 0) return 'nothing is allowed';
  const more = allowed.length > LISTED ? ` … (${allowed.length - LISTED} more)` : '';
  return `one of ${allowed.slice(0, LISTED).join(', ')}${more}`;
}

const shorten = (bytes: Uint8Array): string =>
  bytes.length > SHOWN_BYTES ? `${toHex(bytes.subarray(0, SHOWN_BYTES))}…` : toHex(bytes);
