import { createHash } from 'node:crypto';
import { bytesEqual, concatBytes, toHex } from '../../core/bytes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, missingCheck, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import type { EvidenceClaims } from '../evidence-claims.ts';
import { authenticateSnp } from '../sev-snp/authenticate.ts';
import type { SnpClaims } from '../sev-snp/claims.ts';
import type { SnpEvidence } from '../sev-snp/evidence.ts';
import type { AzureEvidence } from './evidence.ts';
import { quoteSignatureHolds, registerDigest, type TpmQuote } from './tpm-quote.ts';

export interface AzureClaims extends EvidenceClaims {
  readonly format: 'azure';
  /** What the processor says of the paravisor that owns the virtual TPM. */
  readonly processor: SnpClaims;
  /** Values of the quoted registers by index, hexadecimal. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** Of the virtual machine, as its paravisor was started; null: it does not say. */
  readonly secureBoot: boolean | null;
  readonly vmId: string | null;
}

/**
 * Processor → hardware report → variable data → attestation key → TPM quote: each vouches for the next. The nonce is
 * in the last, since the paravisor fills the report data of the first.
 */
export function authenticateAzure(evidence: AzureEvidence, inputs: AuthenticationInputs): Authentication<AzureClaims> {
  const { hcl, tpm, snp, certificates } = evidence;
  const collateral = [...inputs.collateral, ...certificates.map((der) => ({ kind: 'certificate' as const, der }))];
  const processor = authenticateSnp(snp, { ...inputs, collateral });
  const checks = [
    ...processor.checks,
    ...bindingChecks(evidence, snp),
    ...(tpm === null ? [missingCheck('TPM quote', 'a quote of the virtual TPM')] : quoteChecks(tpm, evidence)),
  ];
  if (processor.claims === null) return { claims: null, checks };
  return authentication(azureClaims(evidence, processor.claims), checks);
}

const check = (
  name: string,
  code: ErrorCode,
  passed: boolean,
  { got, want }: { readonly got: string; readonly want: string },
): Check => ({ name, code, passed, got, want });
