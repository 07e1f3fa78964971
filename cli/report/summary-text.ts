import { wrapped } from '../output/printable.ts';
import { renderTable, type Cell } from '../output/table.ts';
import { decimals, duration, grouped, NO_VALUE } from './format.ts';
import { epsilonText, meaningOf, NOISE_PLACES } from './privacy-words.ts';
import type { RunSummary } from './run-summary.ts';

const LABEL_COLUMNS = 13;
const WIDTH = 100;

type Fact = readonly [name: string, text: string];

/** The result as a terminal shows it: hospitals beside their baselines, quality, what was verified, warnings. */
export function renderSummary(summary: RunSummary): string {
  return [siteTable(summary), qualityLines(summary), ...faultLines(summary), verdictLines(summary)].join('\n');
}

function siteTable({ sites, accuracyBySite, accuracyMeanOfSites, baselines, noise }: RunSummary): string {
  const unprotected = noise === 'none' ? '' : ', no noise';
  const columns = [
    { title: 'accuracy on test rows', align: 'left' },
    { title: 'shared model', align: 'right' },
    { title: `alone${unprotected}`, align: 'right' },
    { title: `one place${unprotected}`, align: 'right' },
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

function qualityLines({ aucPooled, logLoss, brier, noise, baselines: { pooled } }: RunSummary): string {
  const columns = [
    { title: 'on all test rows', align: 'left' },
    { title: 'AUC', align: 'right' },
    { title: 'log-loss', align: 'right' },
    { title: 'Brier', align: 'right' },
  ] as const;
  return renderTable(columns, [
    ['shared model', decimals(aucPooled), decimals(logLoss), decimals(brier)],
    [
      `all records in one place${noise === 'none' ? '' : ', no noise'}`,
      decimals(pooled.aucPooled),
      decimals(pooled.logLoss),
      NO_VALUE,
    ],
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
  const facts: readonly Fact[] = [
    ['Passport', passport],
    ['Attestation', 'SIMULATED: protects nothing'],
    ...privacyFacts(summary),
    ['Data', synthetic ? 'SYNTHETIC: says nothing about real patients' : 'as given'],
    [
      'Randomness',
      randomness === 'seeded' ? 'from a chosen seed: for demonstrations and tests only' : 'operating system',
    ],
    ['Model', modelDigest],
    ['Run', `${rounds} rounds, ${grouped(parameters)} learned numbers, backend ${backend}, ${duration(wallMs)}`],
  ];
  const lines = facts.flatMap(([name, text]) =>
    wrapped(text, WIDTH - LABEL_COLUMNS).map(
      (line, index) => `${(index === 0 ? name : '').padEnd(LABEL_COLUMNS)}${line}`,
    ),
  );
  const marked = summary.computedBySimulator.join(', ');
  const note = marked === '' ? [] : [`Computed by the simulator, which may see everything: ${marked}.`];
  return [...lines, ...note, ''].join('\n');
}

function privacyFacts({ sites, epsilon, epsilonBySite, delta, epsilonValid, noise, privacy }: RunSummary): Fact[] {
  if (privacy === null || delta === null) return [['Privacy', 'no noise, no differential privacy (epsilon: none)']];
  const spent = epsilonText(epsilon);
  const each = sites.map((site) => `${site} ${epsilonText(epsilonBySite[site])}`);
  const differ = new Set(Object.values(epsilonBySite)).size > 1;
  const claim = epsilonValid
    ? `epsilon ${spent} of the ${privacy.target} allowed, at delta ${delta}, for any one record`
    : `NO VALID EPSILON: the noise came from a chosen seed (else ${spent} of the ${privacy.target} allowed, at delta ${delta})`;
  return [
    ['Privacy', claim],
    ...(differ ? ([['', `by hospital: ${each.join(', ')}`]] as const) : []),
    ['Noise', `added ${NOISE_PLACES[noise].where}`],
    ['', `protects against ${NOISE_PLACES[noise].against}`],
    ...(epsilonValid ? ([['In words', meaningOf({ epsilon: epsilon ?? 0, delta })]] as const) : []),
  ];
}
