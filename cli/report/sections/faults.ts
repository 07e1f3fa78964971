import { dataTable } from '../data-table.ts';
import { html, type Html } from '../html.ts';
import type { FaultRecord, RunSummary } from '../run-summary.ts';

/** Faults that somebody asked for, and what came of them; nothing where nobody asked. */
export function faults({ faults: records }: RunSummary): Html | null {
  if (records.length === 0) return null;
  return html`<section aria-labelledby="faults">
    <h2 id="faults">Faults that were asked for</h2>
    <p>
      They were injected by the simulator, from outside the programs. Rounds, attempts and members are those that the
      enclave signed.
    </p>
    ${dataTable(
      {
        caption: 'Faults and what came of them',
        columns: ['Asked for', 'Struck', 'What came of it'].map((title) => ({ title })),
        rows: records.map((record) => [html`<code>${record.asked}</code>`, struckText(record), record.outcome]),
      },
      'Table of faults',
    )}
  </section>`;
}

function struckText({ struck }: FaultRecord): string {
  if (struck === null) return 'never';
  if (struck.round === 0) return 'from the start';
  return `round ${struck.round}, attempt ${struck.attempt}, ${struck.phase}`;
}
