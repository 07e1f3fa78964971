import { readCollateral } from '../../../lib/attestation/collateral/read-collateral.ts';
import type { Collateral, CollateralItem } from '../../../lib/attestation/collateral/collateral.ts';
import type { Check } from '../../../lib/attestation/attestation-result.ts';
import type { AuthenticationInputs } from '../../../lib/attestation/authentication.ts';
import type { DcapClaims } from '../../../lib/attestation/dcap/dcap-claims.ts';
import { looksLikeQuote } from '../../../lib/attestation/dcap/quote.ts';
import { readPckPlatform } from '../../../lib/attestation/dcap/pck-platform.ts';
import { total } from '../../../lib/attestation/formats/malformed.ts';
import { decoded } from '../../../lib/attestation/formats/encoded-text.ts';
import { sgx } from '../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../lib/attestation/tdx/tdx.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { vectorBytes, vectorFiles } from './evidence-vectors.ts';

/** A quote file: binary or hexadecimal; `#81` after the path: the quote starts there; `#L2`: it is the second line. */
export function quoteBytes(path: string): Uint8Array {
  const [file = '', place = '0'] = path.split('#');
  const bytes = vectorBytes(file);
  if (!place.startsWith('L')) return decoded(bytes).subarray(Number(place));
  return decoded(utf8(Buffer.from(bytes).toString().split('\n')[Number(place.slice(1)) - 1] ?? ''));
}

/** Everything in one collateral file of the folder. */
export function collateralOf(...paths: readonly string[]): Collateral {
  return paths.flatMap((path) => {
    const read = readCollateral(vectorBytes(path), path);
    if (!read.ok) throw new Error(read.error.detail);
    return read.value;
  });
}

/** Every item of Intel collateral in the folder, apart from Intel's synthetic samples: as a site's own bundle may be. */
export function everyIntelItem(): Collateral {
  const files = [...vectorFiles('sgx'), ...vectorFiles('tdx')].filter((file) => !file.includes('/intel+'));
  return files.flatMap((file): readonly CollateralItem[] => {
    const read = readCollateral(vectorBytes(file), file);
    return read.ok ? read.value : [];
  });
}

export interface Verdict {
  readonly claims: DcapClaims | null;
  readonly checks: readonly Check[];
  readonly failed: readonly Check[];
  /** Read from the quote's own PCK certificate, believed or not; null: it has none. */
  readonly platform: { readonly tee: 'SGX' | 'TDX'; readonly fmspc: string; readonly issuer: string } | null;
}

/** Parse and authenticate with the module that recognises the quote; a parse failure is a failed check. */
export function authenticateBytes(bytes: Uint8Array, inputs: Partial<AuthenticationInputs>): Verdict {
  const full: AuthenticationInputs = { at: 0, roots: VENDOR_ROOTS, collateral: [], revocation: 'required', ...inputs };
  const module = looksLikeQuote(bytes, 'tdx') ? tdx : sgx;
  const parsed = module.parse(bytes);
  if (!parsed.ok) {
    const check = { name: 'parse', code: parsed.error.code, passed: false, got: parsed.error.detail, want: '' };
    return { claims: null, checks: [check], failed: [check], platform: null };
  }
  const { claims, checks } = module.authenticate(parsed.value, full);
  const [pck] = parsed.value.pckChain ?? [];
  const read = pck === undefined ? null : total('PCK', () => readPckPlatform(pck));
  const platform =
    pck === undefined || read?.ok !== true
      ? null
      : {
          tee: module === tdx ? ('TDX' as const) : ('SGX' as const),
          fmspc: read.value.fmspc,
          issuer: pck.issuerCommonName,
        };
  return { claims, checks, failed: checks.filter(({ passed }) => !passed), platform };
}

/** The claims in short, or the failing checks: `UpToDate e17`, `E-ATTEST-TCB TCB level`. */
export function shortVerdict({ claims, failed }: Verdict): string {
  const faults = failed.map(({ code, name }) => `${code} ${name}`).join('; ');
  if (claims === null) return faults;
  const { tcb, debug } = claims;
  const said =
    tcb === null ? 'no TCB' : `${tcb.status} e${tcb.evaluationDataNumber} ${tcb.advisoryIds.length} advisories`;
  return `${said}${debug ? ' DEBUG' : ''}${faults === '' ? '' : `; ${faults}`}`;
}
