import { dataTable } from '../data-table.ts';
import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';

/** What protects patients in the released model, and what does not. */
export function privacy({ sites, epsilonValid, randomness }: RunSummary): Html {
  return html`<section aria-labelledby="privacy">
    <h2 id="privacy">Privacy</h2>
    <p>
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
      epsilonValid || randomness === 'csprng'
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
    )}
  </section>`;
}
