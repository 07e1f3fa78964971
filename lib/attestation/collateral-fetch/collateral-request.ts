import { toHex } from '../../core/bytes.ts';
import { titleOf, type Product } from '../sev-snp/product.ts';
import type { WantedRim } from '../nvidia-gpu/rim-choice.ts';
import { nameOf } from '../x509/check-chain.ts';
import type { Certificate } from '../x509/certificate.ts';

/** One question to a vendor. What it tells the vendor about the one who asks: docs/collateral.md. */
export type CollateralRequest =
  | { readonly kind: 'intel-tcb-info'; readonly tee: 'sgx' | 'tdx'; readonly fmspc: string }
  | { readonly kind: 'intel-qe-identity'; readonly tee: 'sgx' | 'tdx' }
  | { readonly kind: 'intel-pck-list'; readonly authority: 'platform' | 'processor' }
  | { readonly kind: 'intel-root-list' }
  | {
      readonly kind: 'amd-chip-key';
      readonly product: Product;
      /** As long as the product's ids are. */
      readonly chipId: Uint8Array;
      /** TCB_VERSION as the report has it, 8 bytes. */
      readonly reportedTcb: Uint8Array;
    }
  | { readonly kind: 'amd-chain' | 'amd-list'; readonly product: Product; readonly key: 'vcek' | 'vlek' }
  | { readonly kind: 'nvidia-rim'; readonly rim: WantedRim }
  /** About the first certificate; its issuer and the others up to the root follow. */
  | { readonly kind: 'nvidia-ocsp'; readonly chain: readonly [Certificate, Certificate, ...Certificate[]] };

/** For people; the same for two requests only where they ask the same. */
export function requestText(request: CollateralRequest): string {
  switch (request.kind) {
    case 'intel-tcb-info':
      return `TCB info of ${request.tee.toUpperCase()} FMSPC ${request.fmspc}`;
    case 'intel-qe-identity':
      return `QE identity of ${request.tee.toUpperCase()}`;
    case 'intel-pck-list':
      return `revocation list of the PCK ${request.authority} CA`;
    case 'intel-root-list':
      return 'revocation list of the Intel SGX Root CA';
    case 'amd-chip-key':
      return `VCEK of ${titleOf(request.product)} chip ${toHex(request.chipId.subarray(0, 8))}… at ${toHex(request.reportedTcb)}`;
    case 'amd-chain':
      return `${request.key.toUpperCase()} authorities of ${titleOf(request.product)}`;
    case 'amd-list':
      return `revocation list of ARK-${titleOf(request.product)}`;
    case 'nvidia-rim':
      return `RIM ${request.rim.id}`;
    case 'nvidia-ocsp':
      return `OCSP answer about ${nameOf(request.chain[0])} ${request.chain[0].serial}`;
  }
}
