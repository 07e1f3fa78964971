/** Whose evidence a root vouches for. */
export type RootUse = 'nitro' | 'intel' | 'amd-milan' | 'amd-genoa' | 'amd-turin' | 'nvidia-device' | 'nvidia-rim';

/** SHA-256 of the DER certificate, lower-case hexadecimal, by use. */
export type VendorRoots = Readonly<Record<RootUse, readonly string[]>>;

/**
 * The vendors' root certificates, by fingerprint: nothing else is ever a trust anchor (PROTOCOL §5). Sources: AWS
 * Nitro Enclaves user guide ("Verifying the root of trust"), Intel SGX Root CA, AMD ARK of each product (KDS
 * cert_chain), NVIDIA Device Identity CA and CoRIM signing Root CA. Each was found alike in two or more independent
 * public repositories.
 */
export const VENDOR_ROOTS: VendorRoots = {
  nitro: ['641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b'],
  intel: ['44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3'],
  'amd-milan': ['69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd'],
  'amd-genoa': ['4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1'],
  'amd-turin': ['1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a'],
  'nvidia-device': ['102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48'],
  'nvidia-rim': ['12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1'],
};
