import { barChart } from '../bar-chart.ts';
import { csvLink, dataTable } from '../data-table.ts';
import { grouped, listed } from '../format.ts';
import { html, type Html } from '../html.ts';
import { LINE_STYLES, lineChart, type Series } from '../line-chart.ts';
import { epsilonText, meaningOf, NOISE_PLACES, oneIn } from '../privacy-words.ts';
import type { PrivacySummary, RunSummary } from '../run-summary.ts';

/** What protects patients in the released model, and what does not. */
export function privacy(summary: RunSummary): Html {
  return html`<section aria-labelledby="privacy">
    <h2 id="privacy">Privacy</h2>
    ${summary.privacy === null ? withoutNoise(summary) : withNoise(summary, summary.privacy)}
  </section>`;
}

function withoutNoise({ sites, randomness }: RunSummary): Html {
  return html`<p>
      <strong>No differential privacy was used.</strong> No noise was added to the updates or to the model, so there is
      no bound on what the model may reveal about a single patient. Nothing was spent of any privacy budget: epsilon is
      none, delta is none.
    </p>
    <p>
      What did apply: no patient record was sent; each hospital clipped its updates; the aggregator summed them and
      released only sums over at least the contract’s smallest cohort; the model goes to the participating hospitals
      only. A model is not automatically anonymous: treat it as confidential.
    </p>
    ${
      randomness === 'csprng'
        ? null
        : html`<p>With a chosen seed no epsilon could have been valid: who knows the seed can take the noise away.</p>`
    }
    ${dataTable(
      {
        caption: 'Privacy loss (unit: patient)',
        columns: [{ title: 'Hospital' }, { title: 'Epsilon' }, { title: 'Delta' }],
        rows: [...sites, 'all together'].map((name) => [name, 'none', 'none']),
      },
      'Table of privacy loss',
    )}`;
}

function withNoise(summary: RunSummary, plan: PrivacySummary): Html {
  const { noise, epsilonValid } = summary;
  const epsilon = summary.epsilon ?? 0;
  const delta = summary.delta ?? 0;
  const kept = epsilon <= plan.target * (1 + 1e-9);
  return html`${epsilonValid ? null : notValid}
    <p class="lead">
      ${epsilonValid ? 'Taking part has cost' : 'Without the seed, taking part would have cost'} a patient record at
      most <strong>ε = ${epsilonText(epsilon)}</strong> of the <strong>${plan.target}</strong> that the contract allows,
      at δ = ${delta}. ${kept ? null : html`<strong>That is more than the contract allows.</strong>`}
    </p>
    ${
      epsilonValid
        ? html`<p>
            In words: ${meaningOf({ epsilon, delta })}. The same holds for every released model and for all of them
            together.
          </p>`
        : null
    }
    <p>
      Noise was added <strong>${NOISE_PLACES[noise].where}</strong>: ${NOISE_PLACES[noise].sent}. It protects against
      ${NOISE_PLACES[noise].against}.${noise === 'enclave' ? ' Here the enclave was simulated: its operator could read that memory.' : null}
    </p>
    <div class="pair">${spentFigure(summary, plan)} ${burnDownFigure(summary, plan)}</div>
    ${spentTable(summary, plan)}
    <h3>What exactly is promised</h3>
    ${terms(summary, plan)}
    <h3>What ε does not cover</h3>
    <ul>
      <li>A patient with several records in a hospital’s data: two records can cost twice the ε, at a larger δ.</li>
      <li>
        Rows whose place in the file decides whether they train or test: one row more shifts the others. The promise is
        about the training rows, as they are after that division.
      </li>
      <li>
        What is public by contract: who took part in which round, and each hospital’s rounded count of training records.
        True counts and training losses did not leave a hospital.
      </li>
      <li>
        What the study found: a conclusion about patients in general may also be drawn about somebody whose record was
        never used.
      </li>
      <li>The choice of settings beforehand, if somebody looked at the same records to make it.</li>
      <li>
        This page: its row counts and everything that was measured on test patients come from the simulator, exact and
        without noise. In a real study nobody could make them.
      </li>
    </ul>
    <details>
      <summary>The budget, round by round</summary>
      ${burnDownTable(summary, plan)}
      <p>${csvLink('privacy.csv', csvRows(summary, plan))}</p>
    </details>`;
}

const notValid = html`<aside class="banner strong" aria-label="Epsilon is not valid">
  <p class="banner-title">No ε of this run is valid.</p>
  <p>
    The noise came from a chosen seed, and whoever knows the seed can take it away. The figures below are what the same
    run would have cost with noise that nobody can repeat.
  </p>
</aside>`;

const spentOf = ({ epsilonBySite }: RunSummary, site: string): number => epsilonBySite[site] ?? 0;

function spentFigure(summary: RunSummary, { target }: PrivacySummary): Html {
  const spent = summary.sites.map((site) => spentOf(summary, site));
  return html`<figure>
    <figcaption>Spent and allowed, by hospital <span class="hint">(ε)</span></figcaption>
    ${barChart({
      id: 'chart-spent',
      title: 'Epsilon spent and allowed, by hospital',
      description: `The most exposed hospital spent ${epsilonText(Math.max(...spent))} of ${target}. The same numbers stand in the table below.`,
      legend: [
        { style: 'solid', name: 'spent' },
        { style: 'outlined', name: 'allowed by the contract' },
      ],
      groups: summary.sites.map((site, index) => ({
        name: site,
        bars: [
          { style: 'solid', value: spent[index] ?? 0, text: epsilonText(spent[index]) },
          { style: 'outlined', value: target, text: String(target) },
        ],
      })),
      full: Math.max(target, ...spent),
    })}
  </figure>`;
}

type Curve = readonly { readonly x: number; readonly y: number }[];

/** What is left after each round; hospitals whose curves are the same share one. */
function burnDown(
  { sites }: RunSummary,
  { target, spentByRound }: PrivacySummary,
): Map<string, { sites: string[]; points: Curve }> {
  const curves = new Map<string, { sites: string[]; points: Curve }>();
  for (const site of sites) {
    const after = spentByRound.map(({ round, epsilonBySite }) => ({
      x: round,
      y: target - (epsilonBySite[site] ?? 0),
    }));
    const points = [{ x: 0, y: target }, ...after];
    const key = points.map(({ y }) => y).join();
    curves.set(key, { sites: [...(curves.get(key)?.sites ?? []), site], points });
  }
  return curves;
}

function burnDownFigure(summary: RunSummary, plan: PrivacySummary): Html {
  const curves = [...burnDown(summary, plan).values()].sort((a, b) => left(a.points) - left(b.points));
  const drawn =
    curves.length <= LINE_STYLES.length ? curves : [curves[0], curves.at(-1)].filter((one) => one !== undefined);
  const series = drawn.map(({ sites, points }, index): Series => ({
    name: curves.length === 1 ? 'every hospital' : named(sites),
    style: LINE_STYLES[index] ?? 'primary',
    points,
  }));
  const lowest = drawn[0] === undefined ? plan.target : left(drawn[0].points);
  return html`<figure>
    <figcaption>What is left after each round <span class="hint">(ε)</span></figcaption>
    ${lineChart({
      id: 'chart-burn-down',
      title: 'Epsilon left after each round',
      description: `Of ${plan.target} at the beginning, ${lowest.toFixed(3)} is left at the end for the most exposed hospital.`,
      xLabel: 'round',
      series,
      reference: null,
      fromZero: true,
    })}
    ${drawn.length < curves.length ? html`<p class="note">Only the hospitals with the least and with the most left are drawn; the table has all.</p>` : null}
  </figure>`;
}

const left = (points: Curve): number => points.at(-1)?.y ?? 0;
const named = (sites: readonly string[]): string =>
  sites.length <= 2 ? listed(sites) : `${sites[0] ?? ''} and ${sites.length - 1} others`;

const spentTable = (summary: RunSummary, { target, roundsBySite, publicRecords }: PrivacySummary): Html =>
  dataTable(
    {
      caption: `Privacy budget of each hospital’s records, at δ = ${summary.delta ?? 0}`,
      columns: [
        { title: 'Hospital' },
        ...['ε spent', 'ε allowed', 'ε left', 'Rounds paid', 'Public count of records'].map((title) => ({
          title,
          numeric: true,
        })),
      ],
      rows: summary.sites.map((site) => [
        site,
        epsilonText(spentOf(summary, site)),
        target,
        Math.max(0, target - spentOf(summary, site)).toFixed(3),
        grouped(roundsBySite[site] ?? 0),
        grouped(publicRecords[site] ?? 0),
      ]),
    },
    'Table of the privacy budget by hospital',
  );

function burnDownTable(summary: RunSummary, plan: PrivacySummary): Html {
  const curves = [...burnDown(summary, plan).values()];
  const titles = curves.map(({ sites }) => (curves.length === 1 ? 'ε spent, every hospital' : listed(sites)));
  return dataTable(
    {
      caption: 'ε spent by the end of each round',
      columns: ['Round', ...titles].map((title) => ({ title, numeric: true })),
      rows: plan.spentByRound.map(({ round, epsilonBySite }) => [
        round,
        ...curves.map(({ sites: [site = ''] }) => epsilonText(epsilonBySite[site])),
      ]),
    },
    'Table of the privacy budget by round',
  );
}

const csvRows = ({ sites }: RunSummary, { spentByRound }: PrivacySummary): (string | number | null)[][] => [
  ['round', ...sites.map((site) => `epsilon_spent_${site}`)],
  ...spentByRound.map(({ round, epsilonBySite }) => [round, ...sites.map((site) => epsilonBySite[site] ?? null)]),
];

function terms(summary: RunSummary, plan: PrivacySummary): Html {
  const { samplingRate, clip, noiseMultiplier, stepsPerRound, sensitivity, deviation, step } = plan;
  const delta = summary.delta ?? 0;
  const facts: readonly (readonly [string, string])[] = [
    ['Unit', 'one record: one row of one hospital’s training data'],
    ['Neighbouring', 'two data sets of which one has one record more (add or remove)'],
    ['δ', `${delta}: the part of the promise that may fail altogether, ${oneIn(delta)}`],
    [
      'Sampling',
      `each record is drawn into a step with chance ${samplingRate}, each for itself; ${stepsPerRound === 1 ? 'one step' : `${stepsPerRound} steps`} a round`,
    ],
    ['Clipping', `no record moves a sum of gradients by more than ${clip} (Euclidean norm)`],
    [
      'Noise',
      `discrete Gaussian, drawn exactly; its deviation is ${noiseMultiplier.toFixed(3)} times what one record can move a sum: ` +
        `${grouped(deviation)} steps of ${step.toPrecision(3)}, where one record moves it by ${grouped(sensitivity)} at most, rounding included`,
    ],
    [
      'Counted by',
      'Rényi accounting over all rounds that a hospital was certified for, whether its update arrived or not; every verifier of the passport computes it again',
    ],
  ];
  return html`<dl class="facts-list">
    ${facts.map(
      ([name, text]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${text}</dd>
        </div>`,
    )}
  </dl>`;
}
