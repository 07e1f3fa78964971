import { html, type Html, type HtmlValue } from './html.ts';

interface TableColumn {
  readonly title: HtmlValue;
  readonly numeric?: boolean;
}

export interface DataTable {
  readonly caption: HtmlValue;
  readonly columns: readonly TableColumn[];
  /** The first cell of a row is its heading. */
  readonly rows: readonly (readonly HtmlValue[])[];
}

/** A table that scrolls by itself on a narrow screen, reachable by keyboard. `label` names the scrolled region. */
export function dataTable({ caption, columns, rows }: DataTable, label: string): Html {
  const heads = columns.map(({ title, numeric }) => html`<th scope="col" ${numericClass(numeric)}>${title}</th>`);
  const lines = rows.map((cells) => {
    const [first = null, ...rest] = cells;
    const others = rest.map((cell, index) => html`<td${numericClass(columns[index + 1]?.numeric)}>${cell}</td>`);
    return html`<tr>
      <th scope="row" ${numericClass(columns[0]?.numeric)}>${first}</th>
      ${others}
    </tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
}

const numericClass = (numeric: boolean | undefined): Html | null => (numeric === true ? html` class="number"` : null);

/** A link that saves `rows` as a CSV file (RFC 4180); the data is in the link, nothing is fetched. */
export function csvLink(name: string, rows: readonly (readonly (string | number | null)[])[]): Html {
  const text = rows.map((row) => row.map(csvCell).join(',')).join('\r\n');
  return html`<a class="csv" download="${name}" href="data:text/csv;charset=utf-8,${encodeURIComponent(text)}"
    >Save as CSV</a
  >`;
}

/** A leading apostrophe keeps spreadsheets from running a cell as a formula. */
function csvCell(cell: string | number | null): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const inert = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
