import { printable } from './printable.ts';
import type { ProgressEvent } from './progress-event.ts';

/** The line that stays after an event, or null where only a live display has something to show. */
export function progressLine(event: ProgressEvent): string | null {
  switch (event.type) {
    case 'phase':
      return printable(event.text);
    case 'round':
    case 'site':
      return null;
    case 'released':
      return releasedLine(event);
    case 'aborted':
      return printable(`  round ${padded(event.round)}  attempt ${event.attempt} aborted: ${event.code}`);
    case 'fault':
      return printable(`  fault ${event.state === 'over' ? 'over' : 'struck'}: ${event.asked} (${event.detail})`);
    case 'process': {
      const detail = event.detail === undefined ? '' : ` (${event.detail})`;
      return printable(`  ${event.name} ${event.state}${detail}`);
    }
  }
}

function releasedLine({ round, ms, loss, auc }: Extract<ProgressEvent, { type: 'released' }>): string {
  const measured = [
    ...(loss === undefined ? [] : [`loss ${loss.toFixed(4)}`]),
    ...(auc === undefined ? [] : [`AUC ${auc.toFixed(4)}`]),
  ];
  return [`  round ${padded(round)}  released`, `${String(Math.round(ms)).padStart(6)} ms`, ...measured].join('   ');
}

const padded = (round: number): string => String(round).padStart(3);
