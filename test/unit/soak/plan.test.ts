import { describe, expect, it } from 'vitest';
import { planFaults } from '../../../cli/faults/plan-faults.ts';
import { planSoak } from '../../soak/plan.ts';

const hospitals = ['adler', 'birch', 'cedar', 'dogwood'];

describe('the faults of a soak', () => {
  it('are the same for the same seed and others for another', () => {
    expect(planSoak({ rounds: 200, seed: 1, hospitals })).toEqual(planSoak({ rounds: 200, seed: 1, hospitals }));
    expect(planSoak({ rounds: 200, seed: 1, hospitals })).not.toEqual(planSoak({ rounds: 200, seed: 2, hospitals }));
  });

  it('are faults that the study can have, away from its ends', () => {
    for (let seed = 0; seed < 50; seed++) {
      const planned = planSoak({ rounds: 60, seed, hospitals });
      expect(planFaults(planned, { hospitals, rounds: 60 })).toHaveLength(planned.length);
      for (const fault of planned)
        expect('round' in fault && fault.round > 3 && fault.round <= 57 && fault.parties.every((id) => id !== '')).toBe(
          true,
        );
    }
  });

  it('of five hundred rounds: every kind, every program killed, and none so often that nothing could grow', () => {
    const everything = Array.from({ length: 20 }, (_, seed) => planSoak({ rounds: 500, seed, hospitals }));
    expect(new Set(everything.flat().map(({ kind }) => kind))).toEqual(
      new Set(['kill', 'cut', 'drop', 'partition', 'slow', 'tamper', 'duplicate', 'reorder']),
    );
    for (const planned of everything) {
      expect(planned.length).toBeGreaterThan(70);
      const kills = planned.filter(({ kind }) => kind === 'kill').flatMap(({ parties }) => parties);
      expect(kills.length).toBeLessThan(36);
      // Everybody once before anybody twice.
      expect(new Set(kills.slice(0, 6)).size).toBe(Math.min(6, kills.length));
      expect(kills.length).toBeGreaterThanOrEqual(6);
    }
  });
});
