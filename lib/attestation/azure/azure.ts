import { toHex } from '../../core/bytes.ts';
import type { ParsedField } from '../parsed-field.ts';
import type { PlatformModule } from '../platform-module.ts';
import { snpFields } from '../sev-snp/fields.ts';
import { tdx } from '../tdx/tdx.ts';
import { authenticateAzure, type AzureClaims } from './authenticate.ts';
import { looksLikeAzure, parseAzureEvidence, type AzureEvidence } from './evidence.ts';
import { HARDWARE_OFFSET, VARIABLE_DATA_OFFSET, type HclReport } from './hcl-report.ts';
import { appraiseAzure, azurePolicy } from './policy.ts';
import type { TpmQuote } from './tpm-quote.ts';

/** Confidential virtual machines of Azure: HCL report, TPM quote, and the processor's evidence inside (PROTOCOL §5). */
export const azure: PlatformModule<AzureEvidence, AzureClaims, (typeof azurePolicy)['keys']> = {
  format: 'azure',
  recognises: looksLikeAzure,
  parse: parseAzureEvidence,
  fields: azureFields,
  authenticate: authenticateAzure,
  policy: azurePolicy,
  appraise: appraiseAzure,
};

/** Offsets are within the HCL report and within the TPM's message; the JSON around them has none. */
function azureFields({ hcl, tpm, processor }: AzureEvidence): ParsedField[] {
  return [
    ...hclFields(hcl),
    ...(processor.kind === 'sev-snp' ? snpFields({ ...processor.evidence, reportOffset: HARDWARE_OFFSET }) : []),
    ...(processor.kind === 'tdx' && processor.quote !== null ? tdx.fields(processor.quote) : []),
    ...(tpm === null ? [] : tpmFields(tpm)),
  ];
}

function hclFields({ version, kind, variableData, attestationKey, configuration, userData }: HclReport): ParsedField[] {
  const field = (name: string, offset: number | null, value: string, meaning: string): ParsedField => ({
    name: `hcl.${name}`,
    offset,
    value,
    meaning,
  });
  const key = attestationKey?.export({ type: 'spki', format: 'der' });
  return [
    field('version', 4, String(version), 'layout of the HCL report'),
    field('report_type', VARIABLE_DATA_OFFSET - 12, kind, 'kind of the hardware report inside'),
    field(
      'variable_data',
      VARIABLE_DATA_OFFSET,
      `${variableData.length} bytes`,
      'JSON whose SHA-256 is the report data',
    ),
    field('HCLAkPub', null, key === undefined ? 'none' : toHex(key), 'attestation key of the virtual TPM, SPKI'),
    ...Object.entries(configuration).map(([name, value]) =>
      field(`vm-configuration.${name}`, null, JSON.stringify(value), 'how the virtual machine was started'),
    ),
    ...(userData === null ? [] : [field('user-data', null, userData, 'what the guest put in')]),
  ];
}

function tpmFields({
  extraData,
  clock,
  resetCount,
  restartCount,
  firmwareVersion,
  pcrDigest,
  pcrs,
}: TpmQuote): ParsedField[] {
  const rows: readonly (readonly [name: string, value: string, meaning: string])[] = [
    ['extraData', toHex(extraData), 'nonce of the verifier'],
    ['clock', String(clock), 'milliseconds that the TPM has been running'],
    ['resetCount', String(resetCount), 'how often it was reset'],
    ['restartCount', String(restartCount), 'how often it was resumed since'],
    ['firmwareVersion', `0x${firmwareVersion.toString(16)}`, 'of the virtual TPM'],
    ['pcrDigest', toHex(pcrDigest), 'SHA-256 over the registers below'],
    ...pcrs.map(([index, value]) => [`pcr${index}`, toHex(value), 'register, vouched for by pcrDigest'] as const),
  ];
  return rows.map(([name, value, meaning]) => ({ name: `tpm.${name}`, offset: null, value, meaning }));
}
