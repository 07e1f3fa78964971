import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { policyKeysPage } from '../../../cli/output/policy-keys-page.ts';

test('docs/attestation-policy.md is what the keys make: node bin/consilium.mjs attest policy explain --markdown > docs/attestation-policy.md', () => {
  expect(readFileSync(new URL('../../../docs/attestation-policy.md', import.meta.url), 'utf8')).toBe(policyKeysPage());
});

test('every row has as many cells as its table, whatever is in the texts', () => {
  const rows = policyKeysPage()
    .split('\n')
    .filter((line) => line.startsWith('|'));
  for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(6);
  expect(rows.length).toBeGreaterThan(10);
});
