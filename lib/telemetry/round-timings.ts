/** A round entered `phase` at `atMs` (any monotonic clock, milliseconds). */
export interface PhaseMark {
  readonly round: number;
  /** Counts from 1 within a round. */
  readonly attempt: number;
  readonly phase: 'open' | 'locked' | 'collecting' | 'committed' | 'released' | 'aborted';
  readonly atMs: number;
}

export interface RoundTiming {
  readonly round: number;
  readonly attempt: number;
  readonly outcome: 'released' | 'aborted' | 'unfinished';
  /** From the first mark to the last, milliseconds. */
  readonly totalMs: number;
  /** How long each phase lasted, in the order in which they were entered; a phase that has not ended is left out. */
  readonly phases: readonly { readonly phase: PhaseMark['phase']; readonly ms: number }[];
}

/**
 * How long each attempt at each round took, phase by phase (PROTOCOL §7), ordered by round and attempt. Marks may
 * come in any order; those of one attempt are put in order of time.
 */
export function roundTimings(marks: readonly PhaseMark[]): RoundTiming[] {
  const attempts = new Map<string, PhaseMark[]>();
  for (const mark of marks) {
    const key = `${mark.round}/${mark.attempt}`;
    attempts.set(key, [...(attempts.get(key) ?? []), mark]);
  }
  return [...attempts.values()].map(timingOf).sort((a, b) => a.round - b.round || a.attempt - b.attempt);
}

function timingOf(unordered: readonly PhaseMark[]): RoundTiming {
  const marks = unordered.toSorted((a, b) => a.atMs - b.atMs);
  const first = marks[0];
  const last = marks.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('an attempt has at least one mark');
  return {
    round: first.round,
    attempt: first.attempt,
    outcome: last.phase === 'released' || last.phase === 'aborted' ? last.phase : 'unfinished',
    totalMs: last.atMs - first.atMs,
    phases: marks.slice(1).map((mark, index) => phaseBetween(marks[index] ?? mark, mark)),
  };
}

const phaseBetween = (from: PhaseMark, to: PhaseMark): { phase: PhaseMark['phase']; ms: number } => ({
  phase: from.phase,
  ms: to.atMs - from.atMs,
});
