import { characters, printable } from './printable.ts';

export interface Column {
  readonly title: string;
  /** Numbers stand on the right, so that their digits line up. */
  readonly align: 'left' | 'right';
}

/** A cell that has no value is shown as `–`, never as 0. */
export type Cell = string | number | null;

/**
 * A plain aligned table with a rule under its titles, no borders. Every row has one cell per column. Lines end
 * without trailing spaces; the text ends with a line break.
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => columns.map((_, index) => cellText(row[index] ?? null)));
  const widths = columns.map(({ title }, index) =>
    Math.max(...[title, ...texts.map((row) => row[index] ?? '')].map(width)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => padded(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join('  ')
      .trimEnd();
  const rule = widths.map((size) => '-'.repeat(size)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...texts.map(line), ''].join('\n');
}

const cellText = (cell: Cell): string => (cell === null ? '–' : printable(String(cell)));

const width = (text: string): number => characters(text).length;

function padded(text: string, size: number, align: Column['align']): string {
  const space = ' '.repeat(size - width(text));
  return align === 'right' ? space + text : text + space;
}
