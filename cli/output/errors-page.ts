import { ERRORS, type ErrorCode, type ErrorMeaning } from '../../lib/core/errors.ts';

/** `docs/errors.md`, made from the table of lib/core/errors.ts (`consilium errors --markdown`). */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS) as [ErrorCode, ErrorMeaning][];
  return [
    '# Errors',
    '',
    'Made from `lib/core/errors.ts` by `consilium errors --markdown`; a test fails when the two differ.',
    'Every refusal says what happened, what it means for patient data, what to do next, and its code. With `--json`',
    'the same is one line `{"type":"error","code":…}` on standard output. No message holds a patient value.',
    '',
    '## Exit codes',
    '',
    '| exit | meaning | codes |',
    '|---:|---|---|',
    '| 0 | done | |',
    ...exitRows(entries),
    '',
    '## Codes',
    '',
    ...entries.flatMap(([code, meaning]) => section(code, meaning)),
  ].join('\n');
}

const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  40: 'verification: genuine, but not what the contract allows',
  41: 'verification: not genuine',
  42: 'verification: inconclusive, a needed input is missing',
  64: 'usage: the command line is not valid',
  65: 'data: a file or message is not valid',
  70: 'a fault of Consilium itself',
  74: 'storage: the disk or a stored file',
  75: 'try again later',
  77: 'refused',
  78: 'configuration',
  130: 'stopped by the user',
};

function exitRows(entries: readonly (readonly [ErrorCode, ErrorMeaning])[]): string[] {
  const byExit = Map.groupBy(entries, ([, { exit }]) => exit);
  return [...byExit]
    .sort(([a], [b]) => a - b)
    .map(([exit, group]) => {
      const codes = group.map(([code]) => `[${code}](#${code.toLowerCase()})`).join(', ');
      return `| ${exit} | ${EXIT_MEANINGS[exit] ?? 'other'} | ${codes} |`;
    });
}

const section = (code: ErrorCode, { what, patientData, next, retryable, grpc, exit }: ErrorMeaning): string[] => [
  `### ${code}`,
  '',
  what,
  '',
  `* **Patient data:** ${patientData}`,
  `* **What to do:** ${next}`,
  `* **Try again unchanged:** ${retryable ? 'yes, it may succeed later' : 'no'}`,
  `* **Exit code** ${exit} · **gRPC status** \`${grpc}\``,
  '',
];
