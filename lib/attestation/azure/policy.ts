import { err, ok, type Result } from '../../core/result.ts';
import type { Check } from '../attestation-result.ts';
import {
  choices,
  fallbackOf,
  flag,
  hexOf,
  list,
  readSection,
  section,
  texts,
  type PolicyKey,
  type PolicySection,
  type SectionValues,
} from '../policy/policy-section.ts';
import { appraiseSnp } from '../sev-snp/appraise.ts';
import { snpPolicy } from '../sev-snp/policy.ts';
import { TDX_POLICY, appraiseTdx } from '../tdx/tdx-policy.ts';
import type { AzureClaims } from './authenticate.ts';
import { PCRS } from './tpm-quote.ts';

/** Allowed values by register, lower-case hexadecimal. */
type RegisterValues = ReadonlyMap<number, readonly string[]>;

const DIGEST_BYTES = 32;
const INDEX = /^(?:\d|1\d|2[0-3])$/;

const pcrs: PolicyKey<RegisterValues> = {
  about:
    'Values that registers of the virtual TPM (SHA-256 bank) may have, by index: 4 is the boot loader, 7 the state of secure boot, 8 to 12 what the boot loader and systemd measure. Registers that are not listed may have any value.',
  accepts: `a mapping of indexes 0 to ${PCRS - 1} to a ${DIGEST_BYTES}-byte hexadecimal string or a list of them`,
  fallback: new Map(),
  otherwise: 'any',
  example: "{ 4: ['e1e1…'] }",
  read: readRegisters,
};

function readRegisters(value: unknown): Result<RegisterValues, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('not a mapping');
  const found = new Map<number, readonly string[]>();
  for (const [key, item] of Object.entries(value)) {
    if (!INDEX.test(key)) return err(`an index is not 0 to ${PCRS - 1}`);
    const values = list((one) => hexOf(one, DIGEST_BYTES))(typeof item === 'string' ? [item] : item);
    if (!values.ok) return err(`register ${key}: ${values.error}`);
    found.set(Number(key), values.value);
  }
  return found.size === 0 ? err('an empty mapping expects nothing: leave the key out') : ok(found);
}

/** The rules of a processor, as a mapping inside this section: on Azure they are about the paravisor. */
const processorRules = <K extends Readonly<Record<string, PolicyKey<unknown>>>>(
  inner: PolicySection<K>,
): PolicyKey<SectionValues<K>> => ({
  about: `Rules for the processor and the paravisor, with the keys of the section ${inner.name}; that section itself does not hold on Azure. Its measurements are those of Microsoft's paravisor.`,
  accepts: `a mapping with keys of the section ${inner.name}`,
  fallback: fallbackOf(inner),
  otherwise: `the defaults of the section ${inner.name}`,
  example: inner.name === 'tdx' ? '{ allowMigratable: false }' : '{ products: [genoa], vmpl: [0] }',
  read: (value) => {
    const read = readSection(inner, value);
    return read.ok ? read : err(read.error.join('; '));
  },
});

export const azurePolicy = section(
  'azure',
  'Confidential virtual machines of Microsoft Azure, on AMD SEV-SNP or Intel TDX, through their virtual TPM.',
  {
    processors: choices(['sev-snp', 'tdx'], {
      about: 'Kinds of processor that the virtual machine may run on.',
      fallback: ['sev-snp', 'tdx'],
      otherwise: 'both',
      example: '[sev-snp]',
    }),
    'sev-snp': processorRules(snpPolicy),
    tdx: processorRules(TDX_POLICY),
    pcrs,
    secureBoot: flag({
      about: 'Whether the virtual machine must have been started with UEFI secure boot.',
      fallback: true,
      otherwise: 'true',
      example: 'true',
    }),
    virtualMachines: texts({
      about: 'Virtual machines that are allowed, by their unique id (vmUniqueId).',
      fallback: null,
      otherwise: 'any',
      example: '[02FE12EC-5B74-4A1B-B261-8EA46FE9AF36]',
    }),
  },
);

export type AzurePolicy = SectionValues<(typeof azurePolicy)['keys']>;

/** The processor under its own rules, then the virtual machine; debug and nonce are the caller's. */
export function appraiseAzure(claims: AzureClaims, policy: AzurePolicy, at: number): Check[] {
  const { processor, secureBoot, vmId } = claims;
  const below =
    processor.format === 'sev-snp' ? appraiseSnp(processor, policy['sev-snp']) : appraiseTdx(processor, policy.tdx, at);
  const paravisorNamed = below.some(({ code }) => code === 'E-ATTEST-MEASUREMENT');
  const registers = registerChecks(claims.pcrs, policy.pcrs);
  return [
    {
      name: 'processor',
      code: 'E-ATTEST-POLICY',
      passed: policy.processors.includes(processor.format),
      got: processor.format,
      want: policy.processors.join(' or '),
    },
    ...below,
    ...registers,
    ...(paravisorNamed === registers.length > 0 ? [] : [halfNamed(paravisorNamed)]),
    ...(policy.secureBoot
      ? [rule('secure boot', secureBoot === true, secureBoot === null ? 'not said' : secureBoot ? 'on' : 'off', 'on')]
      : []),
    ...(policy.virtualMachines === null ? [] : [machineCheck(vmId, policy.virtualMachines)]),
  ];
}

const rule = (name: string, passed: boolean, got: string, want: string): Check => ({
  name,
  code: 'E-ATTEST-POLICY',
  passed,
  got,
  want,
});

const machineCheck = (vmId: string | null, allowed: readonly string[]): Check => ({
  name: 'virtual machine',
  code: 'E-ATTEST-INSTANCE',
  passed: vmId !== null && allowed.some((id) => id.toLowerCase() === vmId.toLowerCase()),
  got: vmId ?? 'not said',
  want: `one of ${allowed.join(', ')}`,
});

function registerChecks(pcrs: ReadonlyMap<number, string>, allowed: RegisterValues): Check[] {
  return [...allowed].map(([index, values]) => {
    const value = pcrs.get(index);
    return {
      name: `PCR${index}`,
      code: 'E-ATTEST-MEASUREMENT',
      passed: value !== undefined && values.includes(value),
      got: value ?? 'not quoted',
      want: values.join(' or '),
    };
  });
}

/** Registers are worth what the paravisor is worth that keeps them; and a paravisor alone says nothing of the program. */
const halfNamed = (paravisor: boolean): Check => ({
  name: 'reference values',
  code: 'E-ATTEST-MEASUREMENT',
  passed: false,
  got: paravisor ? 'for the paravisor only' : 'for registers only',
  want: 'for the paravisor (measurement or signer) and for registers',
});
