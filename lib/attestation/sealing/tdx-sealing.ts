import { noSealingKey, type SealingRoot } from './sealing-keys.ts';

/** Intel TDX has no sealing key: a trust domain gets no secret of its own back after a restart. */
export const tdxRoot: SealingRoot = {
  name: 'tdx',
  read: async () => {
    const next = 'run under dstack, whose key service releases a key on attestation, or on AMD SEV-SNP or SGX';
    throw noSealingKey('TDX', 'the hardware has no sealing key', next);
  },
};
