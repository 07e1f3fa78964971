import { createHash } from 'node:crypto';
import { bytesEqual, concatBytes, toHex } from '../../core/bytes.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, missingCheck, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import type { EvidenceClaims } from '../evidence-claims.ts';
import { authenticateSnp } from '../sev-snp/authenticate.ts';
import type { SnpClaims } from '../sev-snp/claims.ts';
import { tdx, type TdxClaims } from '../tdx/tdx.ts';
import type { AzureEvidence, ProcessorEvidence } from './evidence.ts';
import type { HclReport } from './hcl-report.ts';
import { quoteSignatureHolds, registerDigest, type TpmQuote } from './tpm-quote.ts';

export interface AzureClaims extends EvidenceClaims {
  readonly format: 'azure';
  /** What the processor says of the paravisor that owns the virtual TPM. */
  readonly processor: SnpClaims | TdxClaims;
  /** Values of the quoted registers by index, hexadecimal; empty: no TPM quote was given. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** How the virtual machine was started; null: its paravisor does not say. */
  readonly secureBoot: boolean | null;
  readonly vmId: string | null;
}

const HASH_BYTES = 32;
/** Places of the parts of a TDREPORT that a quote's body repeats, in the order of the body (Intel TDX Module ABI). */
const TD_REPORT_PARTS = [
  [264, 384],
  [512, 912],
  [128, 192],
] as const;
const SNP_REPORT_DATA = 0x50;
const TD_REPORT_DATA = 128;

/**
 * Processor → hardware report → variable data → attestation key → TPM quote: each vouches for the next. The nonce is
 * in the last, since the paravisor fills the report data of the first.
 */
export function authenticateAzure(evidence: AzureEvidence, inputs: AuthenticationInputs): Authentication<AzureClaims> {
  const { hcl, tpm, certificates } = evidence;
  const collateral = [...inputs.collateral, ...certificates.map((der) => ({ kind: 'certificate' as const, der }))];
  const processor = authenticateProcessor(evidence.processor, { ...inputs, collateral });
  const checks = [
    ...processor.checks,
    ...hardwareChecks(evidence),
    ...(tpm === null ? [missingCheck('TPM quote', 'a quote of the virtual TPM')] : quoteChecks(tpm, hcl)),
  ];
  return processor.claims === null
    ? { claims: null, checks }
    : authentication(azureClaims(evidence, processor.claims), checks);
}

function authenticateProcessor(
  processor: ProcessorEvidence,
  inputs: AuthenticationInputs,
): Authentication<SnpClaims | TdxClaims> {
  if (processor.kind === 'sev-snp') return authenticateSnp(processor.evidence, inputs);
  if (processor.quote !== null) return tdx.authenticate(processor.quote, inputs);
  return { claims: null, checks: [missingCheck('TDX quote', 'a quote over the TDREPORT')] };
}

const check = (
  name: string,
  code: ErrorCode,
  passed: boolean,
  { got, want }: { readonly got: string; readonly want: string },
): Check => ({ name, code, passed, got, want });

/** That the hardware speaks of this variable data, and that nobody but the paravisor made it say so. */
function hardwareChecks({ hcl, processor }: AzureEvidence): Check[] {
  const { hardwareReport, variableData } = hcl;
  const offset = processor.kind === 'sev-snp' ? SNP_REPORT_DATA : TD_REPORT_DATA;
  const reportData = hardwareReport.subarray(offset, offset + 2 * HASH_BYTES);
  const digest = createHash('sha256').update(variableData).digest();
  const want = concatBytes(digest, new Uint8Array(HASH_BYTES));
  return [
    check('variable data', 'E-ATTEST-MISMATCH', bytesEqual(reportData, want), {
      got: toHex(reportData),
      want: toHex(want),
    }),
    ...(processor.kind === 'sev-snp' ? [paravisorLevel(processor.evidence.report.vmpl)] : []),
    ...(processor.kind === 'tdx' && processor.quote !== null ? [tdReportCheck(hardwareReport, processor.quote)] : []),
  ];
}

/** A report from another level could be asked for by the guest itself, with an attestation key of its own. */
const paravisorLevel = (vmpl: number): Check =>
  check('paravisor', 'E-ATTEST-MISMATCH', vmpl === 0, { got: `VMPL ${vmpl}`, want: 'VMPL 0, that of the paravisor' });

/** A TDREPORT can only be verified inside its machine; elsewhere the quote over it counts. */
function tdReportCheck(
  tdReport: Uint8Array,
  { signed, bodyOffset }: NonNullable<Extract<ProcessorEvidence, { kind: 'tdx' }>['quote']>,
): Check {
  const parts = concatBytes(...TD_REPORT_PARTS.map(([from, to]) => tdReport.subarray(from, to)));
  const same = bytesEqual(signed.subarray(bodyOffset, bodyOffset + parts.length), parts);
  return check('TDREPORT', 'E-ATTEST-MISMATCH', same, {
    got: same ? 'as in the quote' : 'another machine or moment than in the quote',
    want: 'as in the quote',
  });
}

function quoteChecks(tpm: TpmQuote, { attestationKey }: HclReport): Check[] {
  const digest = registerDigest(tpm);
  return [
    check('TPM quote signature', 'E-ATTEST-SIGNATURE', quoteSignatureHolds(tpm, attestationKey), {
      got: attestationKey === null ? 'no attestation key' : 'a signature over the quote',
      want: 'made with the RSA key HCLAkPub of the variable data',
    }),
    check('TPM registers', 'E-ATTEST-MISMATCH', bytesEqual(digest, tpm.pcrDigest), {
      got: toHex(digest),
      want: toHex(tpm.pcrDigest),
    }),
  ];
}

function azureClaims({ hcl, tpm }: AzureEvidence, processor: SnpClaims | TdxClaims): AzureClaims {
  const pcrs = new Map((tpm?.pcrs ?? []).map(([index, value]) => [index, toHex(value)]));
  const { 'secure-boot': secureBoot, vmUniqueId } = hcl.configuration;
  const claims = {
    secureBoot: typeof secureBoot === 'boolean' ? secureBoot : null,
    vmId: typeof vmUniqueId === 'string' ? vmUniqueId : null,
  };
  return {
    ...claims,
    format: 'azure',
    measurements: {
      ...processor.measurements,
      ...Object.fromEntries([...pcrs].map(([index, value]) => [`PCR${index}`, value])),
    },
    reportData: null,
    nonce: tpm?.extraData ?? null,
    instance: processor.instance,
    debug: processor.debug,
    issuedAt: null,
    details: {
      ...claims,
      userData: hcl.userData,
      tpm:
        tpm === null
          ? null
          : { clockMs: Number(tpm.clock), resetCount: tpm.resetCount, restartCount: tpm.restartCount },
      processor: { format: processor.format, ...processor.details },
    },
    processor,
    pcrs,
  };
}
