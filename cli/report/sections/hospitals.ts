import { barChart, type BarGroup } from '../bar-chart.ts';
import { csvLink, dataTable } from '../data-table.ts';
import { decimals, grouped, NO_VALUE } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';
import { simulatorMark } from './simulator-note.ts';

/** Fewer test rows than this say little, and may point at a person. */
const MIN_TEST_ROWS = 10;
const SUPPRESSED = `suppressed (<${MIN_TEST_ROWS} people)`;

interface HospitalResult {
  readonly site: string;
  /** Null: not measured. */
  readonly shared: number | null;
  readonly alone: number | null;
  readonly pooled: number | null;
  readonly majority: number | null;
  readonly trained: number | null;
  readonly tested: number | null;
  readonly dropped: number | null;
  readonly suppressed: boolean;
}

/** The shared model at each hospital beside what the hospital reaches alone and what pooling would reach. */
export function hospitals(summary: RunSummary): Html {
  const results = summary.sites.map((site) => resultOf(site, summary));
  const hasPooled = results.some(({ pooled }) => pooled !== null);
  const hasMajority = results.some(({ majority }) => majority !== null);
  return html`<section aria-labelledby="hospitals">
    <h2 id="hospitals">Hospital by hospital</h2>
    <div class="pair uneven">
      <figure>
        <figcaption>Accuracy on each hospital’s test patients${simulatorMark(summary, 'accuracyBySite')}</figcaption>
        ${accuracyChart(summary, results, hasPooled)}
      </figure>
      <div>
        ${accuracyTable(summary, results, { hasPooled, hasMajority })} ${summary.noise === 'none' ? null : noiseNote}
        ${hasMajority ? majorityNote : null}
      </div>
    </div>
    ${modelTable(summary)}
    <details>
      <summary>Rows of each hospital</summary>
      ${rowTable(results)}
      <p>${csvLink('hospitals.csv', csvRows(results))}</p>
    </details>
  </section>`;
}

function resultOf(site: string, { accuracyBySite, baselines, rows }: RunSummary): HospitalResult {
  const counts = rows[site];
  const suppressed = counts !== undefined && counts.tested < MIN_TEST_ROWS;
  const shown = (value: number | null | undefined): number | null => (suppressed ? null : (value ?? null));
  return {
    site,
    shared: shown(accuracyBySite[site]),
    alone: shown(baselines.local.bySite[site]?.accuracy),
    pooled: shown(baselines.pooled.accuracyBySite?.[site]),
    majority: shown(baselines.majority?.accuracyBySite[site]),
    trained: counts?.trained ?? null,
    tested: suppressed ? null : (counts?.tested ?? null),
    dropped: counts?.dropped ?? null,
    suppressed,
  };
}

function accuracyChart(summary: RunSummary, results: readonly HospitalResult[], hasPooled: boolean): Html {
  const { accuracyMeanOfSites, baselines, noise } = summary;
  const without = noise === 'none' ? '' : ', without noise';
  const group = (name: string, shares: readonly (number | null)[], absent: string): BarGroup => ({
    name,
    bars: (['solid', 'striped', 'outlined'] as const)
      .slice(0, shares.length)
      .map((style, index) => ({ style, value: shares[index] ?? null, absent })),
  });
  const mean = group(
    'Mean of hospitals',
    [accuracyMeanOfSites, baselines.local.accuracyMeanOfSites, baselines.pooled.accuracyMeanOfSites],
    'not measured',
  );
  const each = results.map(({ site, shared, alone, pooled, suppressed }) =>
    group(site, hasPooled ? [shared, alone, pooled] : [shared, alone], suppressed ? SUPPRESSED : 'not measured'),
  );
  return barChart({
    id: 'chart-hospitals',
    title: 'Accuracy on each hospital’s test patients',
    description: 'The same numbers stand in the table beside the chart.',
    legend: [
      { style: 'solid', name: 'shared model' },
      { style: 'striped', name: `hospital alone${without}` },
      { style: 'outlined', name: `all records in one place${without}${hasPooled ? '' : ' (mean only)'}` },
    ],
    groups: [mean, ...each],
  });
}

function accuracyTable(
  summary: RunSummary,
  results: readonly HospitalResult[],
  { hasPooled, hasMajority }: { readonly hasPooled: boolean; readonly hasMajority: boolean },
): Html {
  const { accuracyMeanOfSites, baselines } = summary;
  const optional = <T>(present: boolean, cell: T): T[] => (present ? [cell] : []);
  const cell = (value: number | null, suppressed: boolean): string => (suppressed ? SUPPRESSED : decimals(value));
  const mark = simulatorMark(summary, 'baselines');
  return dataTable(
    {
      caption: 'Accuracy at a threshold of 0.5',
      columns: [
        { title: 'Hospital' },
        { title: 'Shared model', numeric: true },
        { title: html`Alone${mark}`, numeric: true },
        { title: html`One place${mark}`, numeric: true },
        ...optional(hasMajority, { title: 'Majority guess', numeric: true }),
      ],
      rows: [
        ...results.map(({ site, shared, alone, pooled, majority, suppressed }) => [
          site,
          cell(shared, suppressed),
          cell(alone, suppressed),
          cell(hasPooled ? pooled : null, suppressed),
          ...optional(hasMajority, cell(majority, suppressed)),
        ]),
        [
          html`<strong>Mean of hospitals</strong>`,
          decimals(accuracyMeanOfSites),
          decimals(baselines.local.accuracyMeanOfSites),
          decimals(baselines.pooled.accuracyMeanOfSites),
          ...optional(hasMajority, NO_VALUE),
        ],
      ],
    },
    'Table of accuracy by hospital',
  );
}

const noiseNote = html`<p class="note">
  Only the shared model was trained with noise. “Alone” and “one place” were trained without any: the differences to
  them show what noise and staying apart do together.
</p>`;

const majorityNote = html`<p class="note">
  “Majority guess” gives every patient the more frequent answer. Where it is high, nearly all test patients have the
  same outcome and accuracy says little: read AUC and log-loss.
</p>`;

function modelTable(summary: RunSummary): Html {
  const { aucPooled, logLoss, baselines, noise } = summary;
  const without = noise === 'none' ? '' : ', without noise';
  const mark = simulatorMark(summary, 'baselines');
  const alone = summary.sites.flatMap((site) => {
    const own = baselines.local.bySite[site];
    return own === undefined || resultOf(site, summary).suppressed
      ? []
      : [[html`${site} alone${without}, on its own test patients${mark}`, decimals(own.auc), decimals(own.logLoss)]];
  });
  return dataTable(
    {
      caption: 'AUC and log-loss',
      columns: [{ title: 'Model' }, { title: 'AUC', numeric: true }, { title: 'Log-loss', numeric: true }],
      rows: [
        [
          html`<strong>Shared model, all test patients</strong>${simulatorMark(summary, 'aucPooled')}`,
          decimals(aucPooled),
          decimals(logLoss),
        ],
        [
          html`All records in one place${without}, all test patients${mark}`,
          decimals(baselines.pooled.aucPooled),
          decimals(baselines.pooled.logLoss),
        ],
        ...alone,
      ],
    },
    'Table of AUC and log-loss',
  );
}

const count = (value: number | null): string => (value === null ? NO_VALUE : grouped(value));

const rowTable = (results: readonly HospitalResult[]): Html =>
  dataTable(
    {
      caption: 'Rows used for training, kept for testing, and left out because a value was missing',
      columns: [{ title: 'Hospital' }, ...['Training', 'Test', 'Left out'].map((title) => ({ title, numeric: true }))],
      rows: results.map(({ site, trained, tested, dropped, suppressed }) => [
        site,
        count(trained),
        suppressed ? SUPPRESSED : count(tested),
        count(dropped),
      ]),
    },
    'Table of rows by hospital',
  );

const csvRows = (results: readonly HospitalResult[]): (string | number | null)[][] => [
  [
    'hospital',
    'accuracy_shared',
    'accuracy_alone',
    'accuracy_one_place',
    'accuracy_majority',
    'rows_training',
    'rows_test',
    'rows_left_out',
  ],
  ...results.map(({ site, suppressed, shared, alone, pooled, majority, trained, tested, dropped }) => [
    site,
    ...[shared, alone, pooled, majority].map((share) => (suppressed ? SUPPRESSED : share)),
    trained,
    suppressed ? SUPPRESSED : tested,
    dropped,
  ]),
];
