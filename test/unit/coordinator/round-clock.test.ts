import { expect, it } from 'vitest';
import { RoundClock } from '../../../coordinator/round-clock.ts';
import type { CoordinatorEvent } from '../../../coordinator/event.ts';
import type { RoundStep } from '../../../coordinator/state.ts';

const place = { round: 2, attempt: 3 };
const step = (name: RoundStep): CoordinatorEvent => ({
  type: 'step-started',
  ...place,
  step: name,
  expected: [],
  deadlineMs: 1000,
});

it('times each phase of an attempt and forgets the one before', () => {
  const clock = new RoundClock();
  expect(clock.see({ type: 'round-requested', ...place }, 0)).toBe(null);
  expect(clock.see(step('commit'), 10)).toBe(null);
  expect(clock.see(step('upload'), 40)).toBe(null);
  expect(clock.see(step('acknowledge'), 140)).toBe(null);
  expect(clock.see({ type: 'site-seen', organisation: 'adler' as never, connected: true }, 141)).toBe(null);
  expect(clock.see({ type: 'round-released', ...place }, 150)).toMatchObject({
    ...place,
    outcome: 'released',
    totalMs: 140,
    phases: [
      { phase: 'open', ms: 30 },
      { phase: 'collecting', ms: 100 },
      { phase: 'committed', ms: 10 },
    ],
  });
  clock.see({ type: 'round-requested', round: 3, attempt: 1 }, 200);
  const aborted: CoordinatorEvent = {
    type: 'round-aborted',
    round: 3,
    attempt: 1,
    code: 'E-COHORT-TOO-SMALL',
    retryInMs: 1,
  };
  expect(clock.see(aborted, 260)).toMatchObject({ round: 3, outcome: 'aborted', totalMs: 0 });
});
