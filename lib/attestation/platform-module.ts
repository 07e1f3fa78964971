import type { Refusal } from '../core/errors.ts';
import type { Result } from '../core/result.ts';
import type { Check } from './attestation-result.ts';
import type { Authentication, AuthenticationInputs } from './authentication.ts';
import type { EvidenceClaims, EvidenceFormat } from './evidence-claims.ts';
import type { ParsedField } from './parsed-field.ts';
import type { PolicyKey, PolicySection, SectionValues } from './policy/policy-section.ts';

/** One platform: the three stages of PROTOCOL §5 and its part of the policy language. */
export interface PlatformModule<
  Parsed,
  Claims extends EvidenceClaims,
  Keys extends Readonly<Record<string, PolicyKey<unknown>>>,
> {
  readonly format: EvidenceFormat;
  /** Whether bytes look like this format, by magic values alone: cheap, total, and no verdict. */
  readonly recognises: (bytes: Uint8Array) => boolean;
  /** Total, bounded; E-ATTEST-MALFORMED. */
  readonly parse: (bytes: Uint8Array) => Result<Parsed, Refusal>;
  /** Every field, in the order of the bytes. */
  readonly fields: (parsed: Parsed) => readonly ParsedField[];
  /** Signatures, chains, revocation, security versions. Never reads a clock. */
  readonly authenticate: (parsed: Parsed, inputs: AuthenticationInputs) => Authentication<Claims>;
  readonly policy: PolicySection<Keys>;
  /** Claims × the platform's section of the policy. Debug, report data and nonce are compared by the caller. */
  readonly appraise: (claims: Claims, policy: SectionValues<Keys>, at: number) => readonly Check[];
}
