/**
 * Endorsements (RFC 9334 §8.2) as they were given, unverified: whoever uses an item checks its signature and its
 * dates first. Texts are kept as received, since Intel signs the raw JSON and NVIDIA the raw XML.
 */
export type CollateralItem =
  | { readonly kind: 'certificate'; readonly der: Uint8Array }
  | { readonly kind: 'revocation-list'; readonly der: Uint8Array }
  /** The whole answer `{"tcbInfo":…,"signature":…}`; `chain`: signing certificate first, DER, as far as it was given. */
  | { readonly kind: 'intel-tcb-info'; readonly text: string; readonly chain: readonly Uint8Array[] }
  /** The whole answer `{"enclaveIdentity":…,"signature":…}`. */
  | { readonly kind: 'intel-qe-identity'; readonly text: string; readonly chain: readonly Uint8Array[] }
  /** A reference integrity manifest: SWID XML with its signature. */
  | { readonly kind: 'rim'; readonly text: string }
  /** One OCSPResponse, DER (RFC 6960). */
  | { readonly kind: 'ocsp-response'; readonly der: Uint8Array };

export type Collateral = readonly CollateralItem[];

/** The items of one kind, in the order given. */
export function ofKind<K extends CollateralItem['kind']>(
  collateral: Collateral,
  kind: K,
): Extract<CollateralItem, { kind: K }>[] {
  return collateral.filter((item): item is Extract<CollateralItem, { kind: K }> => item.kind === kind);
}
