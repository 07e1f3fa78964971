/** How evidence is written down; `azure` and `dstack` wrap evidence of a processor. */
export const EVIDENCE_FORMATS = ['nitro', 'sgx', 'tdx', 'sev-snp', 'nvidia-gpu', 'azure', 'dstack'] as const;
export type EvidenceFormat = (typeof EVIDENCE_FORMATS)[number];

/** Byte strings are shown as lower-case hexadecimal. */
export type ClaimValue =
  string | number | boolean | null | readonly ClaimValue[] | { readonly [name: string]: ClaimValue };

/** What authenticated evidence says (RFC 9334 §8.2), whatever the platform; each platform's own claims extend it. */
export interface EvidenceClaims {
  readonly format: EvidenceFormat;
  /** Register values by the vendor's name (`PCR0`, `MRENCLAVE`, `RTMR3`, `MEASUREMENT`), lower-case hexadecimal. */
  readonly measurements: Readonly<Record<string, string>>;
  /** What the attesting program put in; null: this evidence carries none. 64 bytes, except on Nitro (0 to 512). */
  readonly reportData: Uint8Array | null;
  /** The verifier's nonce where the format has a field of its own for it; null: none. */
  readonly nonce: Uint8Array | null;
  /** Which machine: chip id, PPID, module id or device serial; null: the platform hides it. */
  readonly instance: string | null;
  /** True: somebody outside can read the program's memory. */
  readonly debug: boolean;
  /** Milliseconds since 1970, as signed by the platform; null: it does not say. */
  readonly issuedAt: number | null;
  /** Everything else that a person or a policy may want to know, for the JSON result. */
  readonly details: Readonly<Record<string, ClaimValue>>;
}
