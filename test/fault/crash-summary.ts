import type { StudyOutcome } from './check-study.ts';
import type { FaultPoint } from './fault-port.ts';

const OUTCOMES = ['same attempt', 'retried', 'smaller cohort'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** How many studies came to what, by column of the crash table and kind of operation. */
export class CrashSummary {
  readonly #title: string;
  readonly #counts = new Map<string, Map<Outcome, number>>();

  constructor(title: string) {
    this.#title = title;
  }

  add(column: string, kind: FaultPoint['kind'], outcome: StudyOutcome): void {
    const row = `${column.padEnd(28)}${kind === 'write' ? 'writes  ' : 'messages'}`;
    const counts = this.#counts.get(row) ?? new Map<Outcome, number>();
    this.#counts.set(row, counts);
    const came = outcomeOf(outcome);
    counts.set(came, (counts.get(came) ?? 0) + 1);
  }

  text(): string {
    const header = `${' '.repeat(36)}${['studies', ...OUTCOMES].map((name) => name.padStart(16)).join('')}`;
    const lines = [...this.#counts].map(([row, counts]) => {
      const each = OUTCOMES.map((outcome) => counts.get(outcome) ?? 0);
      const all = each.reduce((sum, count) => sum + count, 0);
      return row + [all, ...each].map((count) => String(count).padStart(16)).join('');
    });
    return ['', `crash table: ${this.#title}`, header, ...lines, ''].join('\n');
  }
}

function outcomeOf({ aborts, cohorts }: StudyOutcome): Outcome {
  if (cohorts.some((size) => size < Math.max(...cohorts, FULL))) return 'smaller cohort';
  return aborts.length > 0 ? 'retried' : 'same attempt';
}

/** Hospitals of the crash table's study. */
const FULL = 3;
