import fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundTimings, type PhaseMark } from '../../../lib/telemetry/round-timings.ts';

const round1: PhaseMark[] = [
  { round: 1, attempt: 1, phase: 'open', atMs: 1000 },
  { round: 1, attempt: 1, phase: 'locked', atMs: 1030 },
  { round: 1, attempt: 1, phase: 'aborted', atMs: 1500 },
  { round: 1, attempt: 2, phase: 'open', atMs: 1600 },
  { round: 1, attempt: 2, phase: 'locked', atMs: 1620 },
  { round: 1, attempt: 2, phase: 'collecting', atMs: 1625 },
  { round: 1, attempt: 2, phase: 'committed', atMs: 1800 },
  { round: 1, attempt: 2, phase: 'released', atMs: 1810 },
];

test('an aborted attempt and the one that was released are timed apart', () => {
  expect(roundTimings(round1)).toEqual([
    {
      round: 1,
      attempt: 1,
      outcome: 'aborted',
      totalMs: 500,
      phases: [
        { phase: 'open', ms: 30 },
        { phase: 'locked', ms: 470 },
      ],
    },
    {
      round: 1,
      attempt: 2,
      outcome: 'released',
      totalMs: 210,
      phases: [
        { phase: 'open', ms: 20 },
        { phase: 'locked', ms: 5 },
        { phase: 'collecting', ms: 175 },
        { phase: 'committed', ms: 10 },
      ],
    },
  ]);
});

test('a round that goes on is unfinished, and nothing gives nothing', () => {
  expect(roundTimings([{ round: 3, attempt: 1, phase: 'open', atMs: 5 }])).toEqual([
    { round: 3, attempt: 1, outcome: 'unfinished', totalMs: 0, phases: [] },
  ]);
  expect(roundTimings([])).toEqual([]);
});

test('the order in which marks arrive does not matter, and phases add up to the total', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(round1, { minLength: round1.length }), (shuffled) => {
      const timings = roundTimings(shuffled);
      expect(timings).toEqual(roundTimings(round1));
      for (const { phases, totalMs } of timings) {
        expect(phases.reduce((sum, { ms }) => sum + ms, 0)).toBe(totalMs);
      }
    }),
  );
});
