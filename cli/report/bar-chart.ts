import { units } from './chart-scale.ts';
import { decimals } from './format.ts';
import { html, type Html } from './html.ts';

/** Told apart by fill pattern (solid, stripes, outline) as well as by colour. */
type BarStyle = 'solid' | 'striped' | 'outlined';

export interface BarGroup {
  readonly name: string;
  /** From 0 to the chart's `full`; null: not known or not shown, said in words instead of drawn as 0. */
  readonly bars: readonly {
    readonly style: BarStyle;
    readonly value: number | null;
    /** Written at the end instead of the value. */
    readonly text?: string;
    readonly absent?: string;
  }[];
}

export interface BarChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly legend: readonly { readonly style: BarStyle; readonly name: string }[];
  readonly groups: readonly BarGroup[];
  /** Value of a bar that takes the whole width; 1 unless given. */
  readonly full?: number;
}

const WIDTH = 480;
const BAR_LEFT = 4;
const BAR_RIGHT = 416;
const BAR_HEIGHT = 13;
const BAR_STEP = 17;
const NAME_HEIGHT = 20;
const GROUP_GAP = 12;
const LEGEND_LINE = 20;

/** Horizontal bars from 0, grouped under a name, each with its value written at its end. */
export function barChart({ id, title, description, legend, groups, full = 1 }: BarChart): Html {
  const legendHeight = legend.length * LEGEND_LINE + 10;
  let top = legendHeight;
  const drawn = groups.map((group) => {
    const at = top;
    top += NAME_HEIGHT + group.bars.length * BAR_STEP + GROUP_GAP;
    return drawnGroup(group, { at, id, full });
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${top}" role="img" aria-labelledby="${id}-title ${id}-text">
    <title id="${id}-title">${title}</title>
    <desc id="${id}-text">${description}</desc>
    <defs>
      <pattern id="${id}-stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect class="stripe-ground" width="6" height="6" />
        <rect class="stripe" width="2.5" height="6" />
      </pattern>
    </defs>
    ${legend.map(({ style, name }, index) => legendEntry({ style, name, y: index * LEGEND_LINE, id }))} ${drawn}
  </svg>`;
}

const legendEntry = ({ style, name, y, id }: { style: BarStyle; name: string; y: number; id: string }): Html =>
  html`${bar({ style, x: BAR_LEFT, y: y + 2, width: 34, id })}<text class="label" x="${BAR_LEFT + 44}" y="${y + 13}"
      >${name}</text
    >`;

interface GroupPlace {
  readonly at: number;
  readonly id: string;
  readonly full: number;
}

function drawnGroup({ name, bars }: BarGroup, { at, id, full }: GroupPlace): Html {
  const rows = bars.map(({ style, value, text: written, absent }, index) => {
    const y = at + NAME_HEIGHT + index * BAR_STEP;
    const width = value === null ? 0 : Math.max(0, Math.min(1, value / full)) * (BAR_RIGHT - BAR_LEFT);
    const text = value === null ? (absent ?? 'no value') : (written ?? decimals(value));
    const drawnBar = value === null ? null : bar({ style, x: BAR_LEFT, y, width, id });
    return html`${drawnBar}<text class="value" x="${units(BAR_LEFT + width + 6)}" y="${y + 11}">${text}</text>`;
  });
  return html`<text class="group" x="${BAR_LEFT}" y="${at + 14}">${name}</text>${rows}`;
}

interface Bar {
  readonly style: BarStyle;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly id: string;
}

function bar({ style, x, y, width, id }: Bar): Html {
  const fill = style === 'striped' ? html` fill="url(#${id}-stripes)"` : null;
  return html`<rect class="bar ${style}" x="${x}" y="${y}" width="${units(width)}" height="${BAR_HEIGHT}" ${fill} />`;
}
