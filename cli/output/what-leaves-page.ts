import { DISCLOSURES, REASONS, SIGNALS, type DisclosedMessage, type Disclosure } from './disclosures.ts';

/** `docs/what-leaves.md`, made from the list in cli/output/disclosures.ts (`consilium privacy what-leaves`). */
export function whatLeavesPage(): string {
  return [
    '# What leaves a hospital',
    '',
    'Made from `cli/output/disclosures.ts` by `consilium privacy what-leaves`; a test fails when the two differ, and another',
    'when a message has a field that is not listed here, or the list one that no message has. Rows, and values of a row,',
    'are in no message. What a contract allows, `consilium contract show` says in words; what exactly left, round by',
    'round, `consilium site sent`.',
    '',
    'Each field may leave for one of these reasons:',
    '',
    ...Object.entries(REASONS).map(([name, text]) => `* **${name}**${text.slice(text.indexOf(':'))}.`),
    '',
    '“Sealed” means: encrypted from the agent to the enclave in an attested session, which the coordinator relays and',
    'cannot read. On real hardware whoever runs the enclave’s machine cannot read it either, as far as its platform keeps',
    'its promise (docs/attestation.md); in simulation they read what the enclave reads.',
    '',
    ...Object.values(DISCLOSURES).flatMap(section),
    '## What no field says',
    '',
    ...table('what', SIGNALS),
    'How long a hospital takes to train grows with the number of its rows and is not hidden from whoever sees its',
    'connection.',
    '',
  ].join('\n');
}

const section = ({ title, how, fields }: DisclosedMessage): string[] => [
  `## ${title}`,
  '',
  how,
  '',
  ...(fields.length === 0 ? [] : table('field', fields)),
];

const table = (what: string, fields: readonly Disclosure[]): string[] => [
  `| ${what} | content | seen by | why it may leave |`,
  '|---|---|---|---|',
  ...fields.map(
    ({ field, content, seenBy, reason }) =>
      `| ${what === 'field' ? `\`${field}\`` : field} | ${content} | ${seenBy} | ${reason} |`,
  ),
  '',
];
