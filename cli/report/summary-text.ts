import { renderTable, type Cell } from '../output/table.ts';
import { decimals, duration, grouped, NO_VALUE } from './format.ts';
import type { RunSummary } from './run-summary.ts';

/** The result as a terminal shows it: hospitals beside their baselines, quality, what was verified, warnings. */
export function renderSummary(summary: RunSummary): string {
  return [siteTable(summary), qualityLines(summary), ...faultLines(summary), verdictLines(summary)].join('\n');
}

function siteTable({ sites, accuracyBySite, accuracyMeanOfSites, baselines }: RunSummary): string {
  const columns = [
    { title: 'accuracy on test rows', align: 'left' },
    { title: 'shared model', align: 'right' },
    { title: 'alone', align: 'right' },
    { title: 'one place', align: 'right' },
  ] as const;
  const rows = sites.map((site): Cell[] => [
    site,
    decimals(accuracyBySite[site]),
    decimals(baselines.local.bySite[site]?.accuracy),
    decimals(baselines.pooled.accuracyBySite?.[site]),
  ]);
  const mean = [accuracyMeanOfSites, baselines.local.accuracyMeanOfSites, baselines.pooled.accuracyMeanOfSites];
  return renderTable(columns, [...rows, ['mean of hospitals', ...mean.map((value) => decimals(value))]]);
}

function qualityLines({ aucPooled, logLoss, brier, baselines: { pooled } }: RunSummary): string {
  const columns = [
    { title: 'on all test rows', align: 'left' },
    { title: 'AUC', align: 'right' },
    { title: 'log-loss', align: 'right' },
    { title: 'Brier', align: 'right' },
  ] as const;
  return renderTable(columns, [
    ['shared model', decimals(aucPooled), decimals(logLoss), decimals(brier)],
    ['all records in one place', decimals(pooled.aucPooled), decimals(pooled.logLoss), NO_VALUE],
  ]);
}

function faultLines({ faults }: RunSummary): string[] {
  if (faults.length === 0) return [];
  return ['faults that were asked for', ...faults.map(({ asked, outcome }) => `  ${asked}\n    ${outcome}`), ''];
}

function verdictLines(summary: RunSummary): string {
  const { passportVerified, passportChecks, backend, modelDigest, parameters, randomness, rounds, synthetic, wallMs } =
    summary;
  const failed = passportChecks.filter(({ passed }) => !passed);
  const passport = passportVerified
    ? `verified, ${passportChecks.length} checks passed`
    : `FAILED: ${failed.map(({ name }) => name).join(', ')}; do not use the model`;
  const facts: readonly (readonly [string, string])[] = [
    ['Passport', passport],
    ['Attestation', 'SIMULATED: protects nothing'],
    ['Privacy', 'no noise, no differential privacy (epsilon: none)'],
    ['Data', synthetic ? 'SYNTHETIC: says nothing about real patients' : 'as given'],
    [
      'Randomness',
      randomness === 'seeded' ? 'from a chosen seed: for demonstrations and tests only' : 'operating system',
    ],
    ['Model', modelDigest],
    ['Run', `${rounds} rounds, ${grouped(parameters)} learned numbers, backend ${backend}, ${duration(wallMs)}`],
  ];
  const lines = facts.map(([name, text]) => `${name.padEnd(13)}${text}`);
  const marked = summary.computedBySimulator.join(', ');
  const note = marked === '' ? [] : [`Computed by the simulator, which may see everything: ${marked}.`];
  return [...lines, ...note, ''].join('\n');
}
