import { roundTimings, type PhaseMark, type RoundTiming } from '../lib/telemetry/round-timings.ts';
import type { CoordinatorEvent } from './event.ts';
import type { RoundStep } from './state.ts';

const PHASE_OF_STEP: Readonly<Record<Exclude<RoundStep, 'opening'>, PhaseMark['phase']>> = {
  commit: 'open',
  upload: 'collecting',
  acknowledge: 'committed',
};

/** Times the running attempt, phase by phase, as the coordinator sees it. */
export class RoundClock {
  #marks: PhaseMark[] = [];

  /** `atMs`: any monotonic clock. The timing of an attempt when `event` ends it, otherwise null. */
  see(event: CoordinatorEvent, atMs: number): RoundTiming | null {
    switch (event.type) {
      case 'round-requested':
        this.#marks = [];
        return null;
      case 'attempt-adopted':
        // What came before it, nobody here timed.
        this.#marks = [];
        if (event.step !== 'opening') this.#mark(PHASE_OF_STEP[event.step], event, atMs);
        return null;
      case 'step-started':
        if (event.step !== 'opening') this.#mark(PHASE_OF_STEP[event.step], event, atMs);
        return null;
      case 'round-released':
        this.#mark('released', event, atMs);
        return this.#ended();
      case 'round-aborted':
        this.#mark('aborted', event, atMs);
        return this.#ended();
      case 'approval-recorded':
      case 'withdrawal-recorded':
      case 'launched':
      case 'site-seen':
      case 'attempt-learned':
      case 'site-advanced':
      case 'action-requested':
      case 'study-ended':
      case 'study-failed':
        return null;
    }
  }

  #mark(phase: PhaseMark['phase'], { round, attempt }: { round: number; attempt: number }, atMs: number): void {
    this.#marks.push({ round, attempt, phase, atMs });
  }

  #ended(): RoundTiming | null {
    const timing = roundTimings(this.#marks).at(-1) ?? null;
    this.#marks = [];
    return timing;
  }
}
