import { documentPolicy, POLICY_FORMAT, type DocumentedSection } from '../../lib/attestation/policy/policy.ts';

/** `docs/attestation-policy.md`, made from the policy keys (`consilium attest policy explain --markdown`). */
export const policyKeysPage = (): string =>
  [
    '# Keys of appraisal policies',
    '',
    'Made from the tables in `lib/attestation` by `consilium attest policy explain --markdown`; a test fails when the two',
    `differ. A policy is a YAML file that starts with \`format: ${POLICY_FORMAT}\`; how it is used:`,
    '[attestation.md](attestation.md#the-policy). Unknown keys and bad values are refused, each with its path.',
    '',
    ...documentPolicy().map(sectionTable),
  ].join('\n');

function sectionTable({ format, about, keys }: DocumentedSection): string {
  const rows = keys.map(({ path, about: text, accepts, otherwise, example }) =>
    [`\`${path}\``, text, accepts, otherwise, `\`${shortened(example)}\``].map(escaped).join(' | '),
  );
  return [
    `## ${format === null ? 'For every platform' : `Section \`${format}\``}`,
    '',
    ...(format === null ? [] : [about, '']),
    '| key | what it means | accepts | without it | example |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    '',
  ].join('\n');
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');

/** Digests are long and all alike. */
const shortened = (example: string): string =>
  example.replaceAll(/[0-9a-f]{24,}/gi, (digits) => `${digits.slice(0, 8)}…`);
