import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPolicyFile } from '../../../cli/setup/attestation-policy.ts';
import { readContractPolicy } from '../../../cli/setup/contract-policy.ts';
import { EVIDENCE_FORMATS } from '../../../lib/attestation/evidence-claims.ts';
import { contractEvidencePolicy, HARDWARE_PLATFORMS } from '../../../lib/attestation/hardware-verifier.ts';
import { filesOf, read, repositoryRoot } from './markdown.ts';

const FOLDER = 'examples/policies';
const files = filesOf((name) => name.endsWith('.yaml')).filter((path) => path.startsWith(`${FOLDER}/`));
const page = read('docs/attestation.md');

test('one example policy for each platform', () => {
  expect(files.map((path) => basename(path, '.yaml')).sort()).toEqual([...EVIDENCE_FORMATS].sort());
});

describe.each(EVIDENCE_FORMATS)('the example policy for %s', (platform) => {
  const path = `${FOLDER}/${platform}.yaml`;

  test('is a policy for that platform, and names a program and what it thinks of revocation', async () => {
    const policy = await readPolicyFile(join(repositoryRoot, path));
    expect(policy).toMatchObject({ platforms: [platform], anyProgram: false, simulation: false });
    expect(read(path)).toMatch(/^revocation: /m);
  });

  test('stands in docs/attestation.md word for word', () => {
    expect(page).toContain(`\`\`\`yaml\n${read(path)}\`\`\``);
  });
});

test.each(HARDWARE_PLATFORMS)('a contract takes the example policy for %s', async (platform) => {
  const { document, platforms } = await readContractPolicy(join(repositoryRoot, FOLDER, `${platform}.yaml`));
  expect(platforms).toEqual([platform]);
  const appraisal = { platforms, measurements: [], instances: null, minSvn: 0, evidence: document };
  expect(contractEvidencePolicy(appraisal).ok).toBe(true);
});

test('no contract takes the example policies for evidence that no session can be bound to', async () => {
  for (const platform of EVIDENCE_FORMATS.filter((one) => !HARDWARE_PLATFORMS.some((known) => known === one))) {
    await expect(readContractPolicy(join(repositoryRoot, FOLDER, `${platform}.yaml`))).rejects.toThrow(
      /no processor among them/,
    );
  }
});
