import { dataTable } from '../data-table.ts';
import { plural, ranges } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { RoundRecord, RunSummary } from '../run-summary.ts';

/** Who took part in which round, and why not. */
export function participation({ sites, history }: RunSummary): Html {
  const complete = history.every(({ participants }) => sites.every((site) => participants.includes(site)));
  const again = history.filter(({ attempt }) => attempt > 1);
  return html`<section aria-labelledby="participation">
    <h2 id="participation">Who took part</h2>
    <p>
      ${complete ? `All ${plural(sites.length, 'hospital')} took part in every round.` : 'Not every hospital took part in every round; the table says who was missing and why.'}${again.length === 0 ? null : ` ${retried(again)}`}
    </p>
    ${dataTable(
      {
        caption: 'Rounds by hospital',
        columns: ['Hospital', 'Took part in', 'Missing, and why'].map((title) => ({ title })),
        rows: sites.map((site) => [site, takenPart(site, history), missing(site, history)]),
      },
      'Table of participation',
    )}
  </section>`;
}

const retried = (again: readonly RoundRecord[]): string =>
  `Released only after another attempt: ${again.map(({ round, aborted }) => `round ${round}${why(aborted)}`).join(', ')}.`;

const why = (aborted: RoundRecord['aborted']): string =>
  aborted.length === 0 ? '' : ` (${aborted.map(({ attempt, code }) => `attempt ${attempt}: ${code}`).join(', ')})`;

function takenPart(site: string, history: readonly RoundRecord[]): Html {
  const rounds = history.filter(({ participants }) => participants.includes(site)).map(({ round }) => round);
  const which = rounds.length === 0 ? null : html` <span class="note">(${ranges(rounds)})</span>`;
  return html`<span class="together">${rounds.length} of ${history.length}</span>${which}`;
}

/** Rounds grouped by the reason that was given; a round without the site and without a reason says so. */
function missing(site: string, history: readonly RoundRecord[]): Html | string {
  const reasons = new Map<string, number[]>();
  for (const { round, participants, absent } of history) {
    if (participants.includes(site)) continue;
    const why = absent.find((one) => one.site === site)?.why ?? 'no reason recorded';
    reasons.set(why, [...(reasons.get(why) ?? []), round]);
  }
  if (reasons.size === 0) return 'never';
  return html`<ul>
    ${[...reasons].map(([why, rounds]) => html`<li>${rounds.length === 1 ? 'round' : 'rounds'} ${ranges(rounds)}: ${why}</li>`)}
  </ul>`;
}
