import { styleText } from 'node:util';
import type { Terminal } from '../command-module.ts';
import { fitted, printable } from './printable.ts';
import type { Progress, ProgressEvent } from './progress-event.ts';
import { progressLine } from './progress-line.ts';

interface RoundShown {
  readonly round: number;
  readonly rounds: number;
  readonly attempt: number;
  readonly phase: string;
}

const WAITING = 'waiting';
const BAR_COLUMNS = 24;
/** Lines of a screen that the display leaves to what stands above it. */
const SPARE_ROWS = 4;

/** A round line, a bar and one line per site, redrawn in place below the lines that stay. */
export function liveProgress(terminal: Terminal, { color }: { readonly color: boolean }): Progress {
  const steps = new Map<string, string>();
  let current: RoundShown | null = null;
  let open = true;
  let drawnRows = 0;

  const update = (event: ProgressEvent): void => {
    if (event.type === 'site') steps.set(event.site, event.step);
    if (event.type !== 'round') return;
    const another = current?.round !== event.round || current.attempt !== event.attempt;
    if (another) for (const site of steps.keys()) steps.set(site, WAITING);
    current = event;
  };

  /** Every line is cut to the terminal: a wrapped one would make the way back up too short. */
  const redraw = (lasting: string | null): void => {
    const { columns, rows } = terminal.size();
    const live = current === null ? [] : displayOf(current, { steps, rows });
    const lines = live.map((line, index) => {
      const cut = fitted(printable(line), columns - 1);
      return color && index === 0 ? styleText('bold', cut, { validateStream: false }) : cut;
    });
    const above = lasting === null ? '' : `${lasting}\n`;
    const back = drawnRows === 0 ? '' : `\u001b[${drawnRows}A`;
    terminal.write(`${back}\r\u001b[0J${above}${lines.map((line) => `${line}\n`).join('')}`);
    drawnRows = lines.length;
  };

  return {
    show(event) {
      if (!open) return;
      update(event);
      redraw(progressLine(event));
    },
    close() {
      if (!open) return;
      open = false;
      current = null;
      redraw(null);
    },
  };
}

function displayOf(
  { round, rounds, attempt, phase }: RoundShown,
  { steps, rows }: { readonly steps: ReadonlyMap<string, string>; readonly rows: number },
): string[] {
  const again = attempt > 1 ? `, attempt ${attempt}` : '';
  const done = Math.floor((BAR_COLUMNS * (round - 1)) / Math.max(rounds, 1));
  const bar = `[${'='.repeat(done)}${'.'.repeat(BAR_COLUMNS - done)}]`;
  const nameColumns = Math.max(...[...steps.keys()].map((site) => site.length), 0);
  const sites = [...steps].map(([site, step]) => `    ${site.padEnd(nameColumns)}  ${step}`);
  const room = Math.max(rows - SPARE_ROWS, 1);
  const shown = sites.length <= room ? sites : [...sites.slice(0, room - 1), `    and ${sites.length - room + 1} more`];
  return [`  round ${round} of ${rounds}${again}  ${bar}  ${phase}`, ...shown];
}
