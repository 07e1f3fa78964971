import type { Refusal } from '../core/errors.ts';
import { ok, type Result } from '../core/result.ts';
import type { Check } from './attestation-result.ts';
import type { AuthenticationInputs } from './authentication.ts';
import type { EvidenceClaims, EvidenceFormat } from './evidence-claims.ts';
import { azure } from './azure/azure.ts';
import { dstack } from './dstack/dstack.ts';
import { nitro } from './nitro/nitro.ts';
import { nvidiaGpu } from './nvidia-gpu/nvidia-gpu.ts';
import type { ParsedField } from './parsed-field.ts';
import type { PlatformModule } from './platform-module.ts';
import type { PolicyKey, PolicySection, SectionValues } from './policy/policy-section.ts';
import { sevSnp } from './sev-snp/sev-snp.ts';
import { sgx } from './sgx/sgx.ts';
import { tdx } from './tdx/tdx.ts';

/** Values of a section whose keys only its own module knows. */
export type AnySectionValues = Readonly<Record<string, unknown>>;

/** Evidence that could be parsed, whatever its platform. */
export interface ParsedEvidence {
  readonly fields: () => readonly ParsedField[];
  readonly authenticate: (inputs: AuthenticationInputs) => AuthenticatedEvidence;
}

export interface AuthenticatedEvidence {
  readonly claims: EvidenceClaims | null;
  readonly checks: readonly Check[];
  /** `values` must come from this platform's section; no checks where there are no claims. */
  readonly appraise: (values: AnySectionValues, at: number) => readonly Check[];
}

/** A platform module without its own types, so that all of them stand in one list. */
export interface EvidencePlatform {
  readonly format: EvidenceFormat;
  readonly recognises: (bytes: Uint8Array) => boolean;
  readonly policy: PolicySection;
  readonly parse: (bytes: Uint8Array) => Result<ParsedEvidence, Refusal>;
}

function platform<Parsed, Claims extends EvidenceClaims, Keys extends Readonly<Record<string, PolicyKey<unknown>>>>(
  module: PlatformModule<Parsed, Claims, Keys>,
): EvidencePlatform {
  const { format, recognises, policy } = module;
  return {
    format,
    recognises,
    policy,
    parse: (bytes) => {
      const parsed = module.parse(bytes);
      if (!parsed.ok) return parsed;
      return ok({
        fields: () => module.fields(parsed.value),
        authenticate: (inputs) => {
          const { claims, checks } = module.authenticate(parsed.value, inputs);
          return {
            claims,
            checks,
            appraise: (values, at) =>
              claims === null ? [] : module.appraise(claims, values as SectionValues<Keys>, at),
          };
        },
      });
    },
  };
}

/** Every platform there is, wrappers before what they wrap: the first that recognises evidence reads it. */
export const PLATFORMS: readonly EvidencePlatform[] = [
  platform(azure),
  platform(dstack),
  platform(nitro),
  platform(sgx),
  platform(tdx),
  platform(sevSnp),
  platform(nvidiaGpu),
];

export const platformOf = (format: EvidenceFormat): EvidencePlatform | null =>
  PLATFORMS.find((one) => one.format === format) ?? null;

export const recognisedPlatform = (bytes: Uint8Array): EvidencePlatform | null =>
  PLATFORMS.find(({ recognises }) => recognises(bytes)) ?? null;
