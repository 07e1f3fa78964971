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
    for (let seed = 0; seed < 20; seed++) {
      const planned = planSoak({ rounds: 500, seed, hospitals });
      expect(new Set(planned.map(({ kind }) => kind))).toEqual(
        new Set(['kill', 'cut', 'drop', 'partition', 'slow', 'tamper', 'duplicate', 'reorder']),
      );
      expect(planned.length).toBeGreaterThan(70);
      expect(planned.filter(({ kind }) => kind === 'kill').length).toBeLessThan(45);
    }
    const kills = [...Array(20).keys()]
      .flatMap((seed) => planSoak({ rounds: 500, seed, hospitals }))
      .filter(({ kind }) => kind === 'kill');
    expect(new Set(kills.flatMap(({ parties }) => parties))).toEqual(new Set(['enclave', 'coordinator', ...hospitals]));
  });
});
