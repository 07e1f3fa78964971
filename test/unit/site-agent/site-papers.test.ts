import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import type { SiteConfig } from '../../../site-agent/config.ts';
import { siteEnvironment } from '../../../site-agent/site-papers.ts';
import type { SitePlatform } from '../../../site-agent/site-platform.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { organisationSigner } from '../../support/test-contract.ts';
import { testFolder } from '../cli/commands/run-command.ts';

const path = testFolder();

async function environmentOf({ bytes }: SealedContract): Promise<string> {
  await writeFile(path('contract.cbor'), bytes);
  await writeFile(path('overlay.yaml'), 'confirmed: []\n');
  const organisation = organisationId('adler');
  const config = { organisation, contract: path('contract.cbor'), overlay: path('overlay.yaml') } as SiteConfig;
  const platform = { environment: 'simulation', random: systemRandom } as SitePlatform;
  return (await siteEnvironment(config, platform, organisationSigner(organisation))).organisation;
}

it.each([
  ['enclave', 1.5],
  ['site', 1.8],
] as const)(
  'a hospital takes a contract whose noise at the %s keeps its epsilon, and no other',
  async (placement, tooLittle) => {
    expect(await environmentOf(noisyContract(placement))).toBe('adler');
    const privacy = noisePlan(placement, { noiseMultiplier: tooLittle });
    await expect(environmentOf(noisyContract(placement, { privacy }))).rejects.toMatchObject({
      refusals: [
        {
          code: 'E-CONTRACT-INVALID',
          detail: expect.stringMatching(/^privacy: the noise gives an epsilon of /) as string,
        },
      ],
    });
  },
);
