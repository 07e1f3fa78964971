import { decimals, ranges } from '../../report/format.ts';
import { epsilonText, meaningOf } from '../../report/privacy-words.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { printable, wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
import type { BurnDown, LedgerAccount, LedgerReport } from '../../setup/ledger-report.ts';

const MOST_COLUMNS = 110;
const BAR_COLUMNS = 24;
const SHOWN_DIGITS = 16;

/** `consilium privacy ledger`: what a hospital's patients were exposed to, and what is left. */
export const privacyLedger: CommandModule = {
  register(group, io) {
    const command = group
      .command('ledger')
      .summary('what a hospital has spent of its privacy budget, and what is left')
      .description(
        "Reads the privacy ledger in the store of a hospital's agent: every round that was paid for, over all contracts " +
          'of that store. A round is paid for before it is trained and never refunded. Works while the agent runs.',
      )
      .requiredOption('--config <file>', 'the configuration file of the agent')
      .action(async () => {
        const { config, json } = command.optsWithGlobals<{ config: string; json?: true }>();
        const { ledgerReport } = await import('../../setup/ledger-report.ts');
        const report = await ledgerReport(config);
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'privacy-ledger', ...report })}\n`
            : inWords(report, Math.min(io.stdout.size().columns, MOST_COLUMNS) - 1),
        );
      });
    addExamples(command, [['consilium privacy ledger --config site.yaml', 'At the hospital:']]);
  },
};

function inWords({ organisation, accounts }: LedgerReport, columns: number): string {
  if (accounts.length === 0) {
    const nothing =
      `Nothing is in the privacy ledger of ${organisation}: no round of a contract with noise has been paid for, and no ` +
      'budget is set. What contracts without noise tell about patients nothing bounds, and it is not counted here.';
    return `${wrapped(nothing, columns).join('\n')}\n`;
  }
  return accounts.map((account) => accountInWords(account, columns)).join('\n');
}

function accountInWords(account: LedgerAccount, columns: number): string {
  const { dataset, unit, delta, spent, budget, left, contracts, burnDown } = account;
  const limit =
    budget === null
      ? 'no budget is set in the overlay: only the approval of each contract binds'
      : `${budget}, of which ${leftText(left)} is left`;
  const facts = [
    printable(`${dataset}, unit: ${unit}`),
    `  spent   ε ${epsilonText(spent)} at δ ${delta}`,
    `  budget  ${limit}`,
  ];
  const meaning = wrapped(`In words: ${meaningOf({ epsilon: spent, delta })}.`, columns - 2).map((line) => `  ${line}`);
  if (contracts.length === 0) return [...facts, ''].join('\n');
  const table = renderTable(
    [
      { title: 'study', align: 'left' },
      { title: 'contract', align: 'left' },
      { title: 'rounds', align: 'left' },
      { title: 'noise', align: 'left' },
      { title: 'ε alone', align: 'right' },
      { title: 'ε approved', align: 'right' },
    ],
    contracts.map(({ study, contract, rounds, mechanism, epsilon, approved }) => [
      ...[study, contract.slice(0, SHOWN_DIGITS), ranges(rounds), mechanism.placement],
      ...[epsilonText(epsilon), approved],
    ]),
  );
  const most = budget ?? spent;
  return [...facts, ...meaning, '', table, ...burnDown.map((line) => burnDownLine(line, most)), ''].join('\n');
}

/** What is spent of `most` as a bar; readable without it. */
function burnDownLine({ study, round, at, spent, left }: BurnDown, most: number): string {
  const full = Math.min(BAR_COLUMNS, Math.round((spent / most) * BAR_COLUMNS));
  const bar = '#'.repeat(full).padEnd(BAR_COLUMNS, '.');
  const day = new Date(at).toISOString().slice(0, 10);
  const rest = left === null ? '' : `  ${leftText(left)} left`;
  return printable(`  ${day}  ${bar}  ε ${epsilonText(spent)}${rest}  ${study}, round ${round}`);
}

/** Rounded down: more is never shown than is left. */
const leftText = (left: number | null): string => decimals(left === null ? null : Math.floor(left * 1000) / 1000);
