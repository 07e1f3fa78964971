import { describe, expect, it } from 'vitest';
import type { SiteConfig } from '../../../site-agent/config.ts';
import { SiteResources } from '../../../site-agent/site-resources.ts';
import { noisyContract } from '../../support/noisy-contract.ts';
import { testContract } from '../../support/test-contract.ts';

const configOf = (backend?: SiteConfig['backend']): SiteConfig => ({ backend }) as SiteConfig;

describe.each(['enclave', 'site'] as const)('under a contract with noise at the %s, an agent', (placement) => {
  const sealed = noisyContract(placement);

  it('trains on wasm, and does not try tensorflow', async () => {
    const { backend, passedOver } = await new SiteResources(configOf(), sealed).trainer();
    expect({ backend, passedOver }).toEqual({ backend: 'wasm', passedOver: [] });
  });

  it('takes the cpu where its configuration says so, and refuses tensorflow before anything is trained', async () => {
    expect((await new SiteResources(configOf('cpu'), sealed).trainer()).backend).toBe('cpu');
    const told = expect.stringMatching(/^backend: tensorflow: .*noise.*wasm or cpu/) as string;
    expect(() => new SiteResources(configOf('tensorflow'), sealed)).toThrow(
      expect.objectContaining({ refusals: [expect.objectContaining({ code: 'E-CONFIG', detail: told })] }),
    );
  });
});

it('without noise any backend may train', async () => {
  expect(() => new SiteResources(configOf('tensorflow'), testContract())).not.toThrow();
  const { backend, passedOver } = await new SiteResources(configOf(), testContract()).trainer();
  expect([...passedOver.map((one) => one.backend), backend]).toContain('tensorflow');
});
