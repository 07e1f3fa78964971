import { csvLink, dataTable } from '../data-table.ts';
import { decimals, duration } from '../format.ts';
import { html, type Html } from '../html.ts';
import { lineChart, type Series } from '../line-chart.ts';
import type { RoundRecord, RunSummary } from '../run-summary.ts';
import { simulatorMark } from './simulator-note.ts';

/** Loss and AUC after every round, as charts, as a table and as CSV. */
export function rounds(summary: RunSummary): Html {
  const { history } = summary;
  return html`<section aria-labelledby="rounds">
    <h2 id="rounds">Round by round${simulatorMark(summary, 'history')}</h2>
    ${history.length === 0 ? html`<p>No round was released.</p>` : charts(summary)}
  </section>`;
}

function charts({ history, noise, baselines: { pooled } }: RunSummary): Html {
  const testLoss = history.map(({ round, testLogLoss }) => ({ x: round, y: testLogLoss }));
  const trainLoss = history.flatMap(({ round, trainLossMean: y }) => (y === undefined ? [] : [{ x: round, y }]));
  const auc = history.flatMap(({ round, testAuc: y }) => (y === null ? [] : [{ x: round, y }]));
  const losses: Series[] = [{ name: 'test patients', style: 'primary', points: testLoss }];
  if (trainLoss.length > 0) losses.push({ name: 'training, mean of hospitals', style: 'secondary', points: trainLoss });
  return html`<div class="pair">
      <figure>
        <figcaption>Log-loss after each round <span class="hint">(lower is better)</span></figcaption>
        ${lineChart({
          id: 'chart-loss',
          title: 'Log-loss after each round',
          description: change('Log-loss on test patients', testLoss),
          xLabel: 'round',
          series: losses,
          reference: { name: onePlace(noise), y: pooled.logLoss },
        })}
      </figure>
      ${auc.length === 0 ? html`<p>AUC cannot be computed: all test patients had the same outcome.</p>` : aucFigure(auc, pooled.aucPooled, onePlace(noise))}
    </div>
    <p class="note">
      The vertical axes do not begin at
      0.${trainLoss.length === 0 && noise !== 'none' ? ' Training losses do not leave a hospital when noise is added: nothing would protect them.' : null}
      Measured by the simulator on all test patients after each release.
    </p>
    <details>
      <summary>The numbers behind both charts</summary>
      ${roundTable(history)}
      <p>${csvLink('rounds.csv', csvRows(history))}</p>
    </details>`;
}

const onePlace = (noise: RunSummary['noise']): string =>
  `all records in one place${noise === 'none' ? '' : ', without noise'}`;

function aucFigure(points: Series['points'], pooled: number | null, name: string): Html {
  return html`<figure>
    <figcaption>AUC after each round <span class="hint">(higher is better)</span></figcaption>
    ${lineChart({
      id: 'chart-auc',
      title: 'AUC after each round',
      description: change('AUC on all test patients', points),
      xLabel: 'round',
      series: [{ name: 'test patients', style: 'primary', points }],
      reference: pooled === null ? null : { name, y: pooled },
    })}
  </figure>`;
}

function change(what: string, points: Series['points']): string {
  const [first, last] = [points[0], points.at(-1)];
  return `${what} went from ${decimals(first?.y)} after round ${first?.x ?? 0} to ${decimals(last?.y)} after round ${last?.x ?? 0}.`;
}

function roundTable(history: readonly RoundRecord[]): Html {
  const told = history.some(({ trainLossMean }) => trainLossMean !== undefined);
  const titles = ['Round', 'Attempt', ...(told ? ['Training loss'] : []), 'Test log-loss', 'Test AUC', 'Time'];
  return dataTable(
    {
      caption: 'Loss and AUC after each round',
      columns: titles.map((title) => ({ title, numeric: true })),
      rows: history.map(({ round, attempt, trainLossMean, testLogLoss, testAuc, ms }) => [
        round,
        attempt,
        ...(told ? [decimals(trainLossMean, 4)] : []),
        decimals(testLogLoss, 4),
        decimals(testAuc, 4),
        duration(ms),
      ]),
    },
    'Table of rounds',
  );
}

const csvRows = (history: readonly RoundRecord[]): (string | number | null)[][] => [
  ['round', 'attempt', 'train_loss_mean', 'test_log_loss', 'test_auc', 'ms'],
  ...history.map(({ round, attempt, trainLossMean, testLogLoss, testAuc, ms }) => [
    round,
    attempt,
    trainLossMean ?? null,
    testLogLoss,
    testAuc,
    ms,
  ]),
];
