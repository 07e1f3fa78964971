/**
 * `consilium/attestation`: evidence of real hardware, verified without the rest of Consilium. Loads Node's own modules
 * only; reads no file, no clock and no network: bytes and the moment of the verdict are arguments.
 */
export type { Check } from './attestation-result.ts';
export type { Collateral, CollateralItem } from './collateral/collateral.ts';
export { readCollateral } from './collateral/read-collateral.ts';
export { earCbor, earJson, type EarJson } from './ear.ts';
export { EVIDENCE_FORMATS, type ClaimValue, type EvidenceClaims, type EvidenceFormat } from './evidence-claims.ts';
export type { ParsedField } from './parsed-field.ts';
export { platformOf, recognisedPlatform } from './platforms.ts';
export { documentPolicy, POLICY_FORMAT, readPolicy, type DocumentedSection, type Policy } from './policy/policy.ts';
export { readEvidenceFile, type EvidenceFile } from './read-evidence.ts';
export { VENDOR_ROOTS, type RootUse, type VendorRoots } from './trust/vendor-roots.ts';
export { verifyEvidence, type EvidenceInputs, type EvidenceVerdict, type Outcome } from './verify-evidence.ts';
