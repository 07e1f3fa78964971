import { describe, expect, it } from 'vitest';
import { toHex } from '../../lib/core/bytes.ts';
import { MemoryStudy } from '../support/study-in-memory.ts';
import { testContract } from '../support/test-contract.ts';

describe('PROTOCOL §7: a study of four sites through the pure deciders', () => {
  it('releases every round of the contract to every site', () => {
    const study = new MemoryStudy(testContract());
    for (const round of [1, 2, 3]) study.run(round);
    const state = study.enclave.state;
    expect(state.phase).toBe('released');
    for (const site of study.sites) {
      expect(site.state.model.round).toBe(3);
      expect(toHex(site.state.model.digest)).toBe(toHex(study.sites[0]?.state.model.digest ?? new Uint8Array()));
      expect(site.state.chain).toHaveLength(1 + 3 * 4);
    }
  });

  it('gives the same model whatever the order in which sites answer', () => {
    const digests = [0, 1, 2, 3].map((shift) => {
      const study = new MemoryStudy(testContract());
      const rotated = study.sites.map((_, i) => study.sites[(i * 3 + shift) % 4]).filter((site) => site !== undefined);
      for (const round of [1, 2]) study.run(round, rotated);
      return toHex(study.sites[0]?.state.model.digest ?? new Uint8Array());
    });
    expect(new Set(digests).size).toBe(1);
  });
});
