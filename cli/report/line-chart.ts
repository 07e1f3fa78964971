import { countScale, niceScale, tickDigits, units, type Scale } from './chart-scale.ts';
import { decimals } from './format.ts';
import { html, type Html } from './html.ts';

/** Told apart by dashes and marker shape as well as by colour. */
export const LINE_STYLES = ['primary', 'secondary', 'third', 'fourth'] as const;
export type LineStyle = (typeof LINE_STYLES)[number];

export interface Series {
  readonly name: string;
  readonly style: LineStyle;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LineChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  /** The chart in one sentence, for those who do not see it. */
  readonly description: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** A value to compare with, drawn across the chart. */
  readonly reference: { readonly name: string; readonly y: number } | null;
  /** The vertical axis begins at 0. */
  readonly fromZero?: true;
}

const WIDTH = 480;
const HEIGHT = 300;
const PLOT = { left: 52, right: 468, top: 16, bottom: 214 } as const;
const LEGEND_TOP = 268;
const LEGEND_LINE = 20;
/** More points than this would make one blur of markers. */
const MAX_MARKERS = 40;

/** An SVG of its own: no script, no font to load, readable in black and white. */
export function lineChart({ id, title, description, xLabel, series, reference, fromZero }: LineChart): Html {
  const points = series.flatMap((one) => one.points);
  const xs = points.map(({ x }) => x);
  const ys = [...points.map(({ y }) => y), ...(reference === null ? [] : [reference.y]), ...(fromZero ? [0] : [])];
  const x = countScale(Math.min(...xs), Math.max(...xs), { from: PLOT.left, to: PLOT.right, ticks: 10 });
  const y = niceScale(ys, { from: PLOT.bottom, to: PLOT.top, ticks: 5 });
  const entries = series.length + (reference === null ? 0 : 1);
  const height = Math.max(HEIGHT, LEGEND_TOP + entries * LEGEND_LINE - 4);
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
    <title id="${id}-title">${title}</title>
    <desc id="${id}-text">${description}</desc>
    ${y.ticks.map((tick) => horizontalLine(tick, y))}
    ${x.ticks.map((tick) => html`<text class="tick" x="${units(x.at(tick))}" y="${PLOT.bottom + 20}" text-anchor="middle">${tick}</text>`)}
    <line class="axis" x1="${PLOT.left}" y1="${PLOT.bottom}" x2="${PLOT.right}" y2="${PLOT.bottom}" />
    <text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 40}" text-anchor="middle">
      ${xLabel}
    </text>
    ${reference === null ? null : referenceLine(y.at(reference.y))} ${series.map((one) => drawnSeries(one, x, y))}
    ${series.map((one, index) => legendEntry(one, LEGEND_TOP + index * LEGEND_LINE))}
    ${reference === null ? null : legendReference(reference, LEGEND_TOP + series.length * LEGEND_LINE)}
  </svg>`;
}

function horizontalLine(tick: number, y: Scale): Html {
  const at = y.at(tick);
  return html`<line class="grid" x1="${PLOT.left}" y1="${units(at)}" x2="${PLOT.right}" y2="${units(at)}" /><text
      class="tick"
      x="${PLOT.left - 8}"
      y="${units(at + 4.5)}"
      text-anchor="end"
      >${tick.toFixed(tickDigits(y.ticks))}</text
    >`;
}

const referenceLine = (at: number): Html =>
  html`<line class="reference" x1="${PLOT.left}" y1="${units(at)}" x2="${PLOT.right}" y2="${units(at)}" />`;

function drawnSeries({ style, points }: Series, x: Scale, y: Scale): Html {
  const places = points.map((point) => ({ x: x.at(point.x), y: y.at(point.y) }));
  const path = places.map((place) => `${units(place.x)},${units(place.y)}`).join(' ');
  const every = Math.ceil(points.length / MAX_MARKERS);
  const markers = places.filter((_, index) => (points.length - 1 - index) % every === 0);
  return html`<polyline class="${style}" points="${path}" />${markers.map((place) => marker(style, place))}`;
}

function marker(style: LineStyle, { x, y }: { readonly x: number; readonly y: number }): Html {
  const at = (dx: number, dy: number): string => `${units(x + dx)},${units(y + dy)}`;
  switch (style) {
    case 'primary':
      return html`<circle class="mark ${style}" cx="${units(x)}" cy="${units(y)}" r="3.5" />`;
    case 'secondary':
      return html`<rect class="mark ${style}" x="${units(x - 3.2)}" y="${units(y - 3.2)}" width="6.4" height="6.4" />`;
    case 'third':
      return html`<polygon class="mark ${style}" points="${at(0, -4.5)} ${at(4.2, 3.2)} ${at(-4.2, 3.2)}" />`;
    case 'fourth':
      return html`<polygon class="mark ${style}" points="${at(0, -4.5)} ${at(4.5, 0)} ${at(0, 4.5)} ${at(-4.5, 0)}" />`;
  }
}

function legendEntry({ name, style, points }: Series, y: number): Html {
  const text = `${name}: ${decimals(points.at(-1)?.y)} at the end`;
  const from = PLOT.left;
  return html`<polyline
      class="${style}"
      points="${from},${y} ${from + 34},${y}"
    />${marker(style, { x: from + 17, y })}<text class="label" x="${from + 44}" y="${y + 4.5}">${text}</text>`;
}

function legendReference({ name, y: value }: { readonly name: string; readonly y: number }, y: number): Html {
  const from = PLOT.left;
  return html`<line class="reference" x1="${from}" y1="${y}" x2="${from + 34}" y2="${y}" /><text
      class="label"
      x="${from + 44}"
      y="${y + 4.5}"
      >${name}: ${decimals(value)}</text
    >`;
}
