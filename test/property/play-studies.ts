import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { testContract } from '../support/test-contract.ts';
import { expectedAtFirst, settle, studySteps, type Expected } from './study-commands.ts';
import { StudyWorld } from './study-world.ts';

interface Setting {
  readonly name: string;
  readonly sealed: SealedContract;
  /** How often each kind of step is drawn; see `studySteps`. */
  readonly weights: Parameters<typeof studySteps>[0];
  /** A fair network then brings the next release, as long as no disk was put back or copied. */
  readonly goesOn: boolean;
}

const terms = { rounds: 100_000, toleratedColluders: 1 };
const fair = { moving: 20, disturbing: 2, ending: 1, cheating: 0, copying: 0 };

/** Three of four must release: any two cohorts share a hospital. Two of four: two cohorts can be disjoint. */
export const SETTINGS: readonly Setting[] = [
  { name: 'repeats, losses, kills at any write', sealed: testContract(terms), weights: fair, goesOn: true },
  {
    name: 'a coordinator that asks for whatever it likes',
    sealed: testContract(terms),
    weights: { ...fair, cheating: 6 },
    goesOn: false,
  },
  {
    name: 'disks put back, enclaves copied',
    sealed: testContract(terms),
    weights: { ...fair, cheating: 2, copying: 1 },
    goesOn: false,
  },
  {
    name: 'disks put back, enclaves copied, cohorts of two',
    sealed: testContract({ ...terms, kMin: 2 }),
    weights: { ...fair, cheating: 2, copying: 1 },
    goesOn: false,
  },
];

export interface Played {
  readonly steps: number;
  readonly releases: number;
  readonly halts: number;
}

/** Plays `runs` worlds of up to `length` steps. Throws with seed and steps when a promise is broken. */
export function playStudies(
  { sealed, weights, goesOn }: Setting,
  { runs, length, seed }: { readonly runs: number; readonly length: number; readonly seed?: number },
): Played {
  const played = { steps: 0, releases: 0, halts: 0 };
  fc.assert(
    fc.property(fc.commands([studySteps(weights)], { maxCommands: length, size: 'max' }), (steps) => {
      const world = new StudyWorld(sealed);
      const expected: Expected = expectedAtFirst();
      fc.modelRun(() => ({ model: expected, real: world }), steps);
      if (goesOn && expected.undisturbed) {
        const before = world.promises.releases;
        settle(expected, world);
        assert(world.promises.releases > before, 'a fair network brought no release');
      }
      world.promises.check();
      played.steps += expected.steps;
      played.releases += world.promises.releases;
      played.halts += expected.halted.filter(Boolean).length;
    }),
    // A failing world is long and each of its steps signs and verifies: it is shown as it is, with its seed.
    { numRuns: runs, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
  );
  return played;
}
