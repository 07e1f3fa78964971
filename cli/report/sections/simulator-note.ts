import { html, type Html } from '../html.ts';
import type { RunSummary, SimulatorField } from '../run-summary.ts';

/** † behind a name whose value only the simulator could compute. */
export const simulatorMark = ({ computedBySimulator }: RunSummary, field: SimulatorField): Html | null =>
  computedBySimulator.includes(field)
    ? html`<sup><a href="#note-simulator" aria-label="Note: computed by the simulator">†</a></sup>`
    : null;

/** What † means; nothing where nothing is marked. */
export function simulatorNote({ computedBySimulator }: RunSummary): Html | null {
  if (computedBySimulator.length === 0) return null;
  return html`<aside class="footnote" id="note-simulator" aria-label="Note on values computed by the simulator">
    <p>
      <strong>†</strong> Computed by the simulator, which runs all programs on one machine and may see every hospital’s
      rows. In a real study nobody can compute these values:
      ${computedBySimulator.map((field, index) => html`${index === 0 ? '' : ', '}<code>${field}</code>`)}.
    </p>
  </aside>`;
}
