import { describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { hash } from '../../lib/core/hash.ts';
import { createMemoryDisk, openMemoryStore } from '../../lib/store/memory.ts';
import { EnclaveOnStore } from '../support/enclave-on-store.ts';
import { noisePlan, noisyContract } from '../support/noisy-contract.ts';

const sealed = noisyContract('enclave');

describe('an enclave that starts on an empty store', () => {
  it('draws a NOISE_ROOT that no other start has, and states its hash in genesis', async () => {
    const roots = new Set<string>();
    for (let start = 0; start < 2; start++) {
      const study = await EnclaveOnStore.start(sealed, openMemoryStore(createMemoryDisk()));
      const { noiseRoot } = study.enclave.environment;
      expect(noiseRoot).toHaveLength(32);
      const [genesis] = await study.statements();
      if (genesis?.statement.type !== 'genesis') throw new Error('a chain begins with genesis');
      expect(toHex(genesis.statement.noiseRoot)).toBe(toHex(hash('noise-root', noiseRoot)));
      roots.add(toHex(genesis.statement.noiseRoot));
    }
    expect(roots.size).toBe(2);
  });

  it('refuses a contract whose noise does not keep its epsilon, and writes nothing', async () => {
    const broken = noisyContract('enclave', { privacy: noisePlan('enclave', { noiseMultiplier: 1.5 }) });
    const disk = createMemoryDisk();
    await expect(EnclaveOnStore.start(broken, openMemoryStore(disk))).rejects.toMatchObject({
      refusals: [
        {
          code: 'E-CONTRACT-INVALID',
          detail: expect.stringMatching(/^privacy: the noise gives an epsilon of /) as string,
        },
      ],
    });
    expect([...disk.streams.values()].flat()).toEqual([]);
  });
});
