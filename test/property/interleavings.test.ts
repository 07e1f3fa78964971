import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testContract } from '../support/test-contract.ts';
import { checkInvariants } from './invariants.ts';
import { World } from './world.ts';

const sealed = testContract({ rounds: 50 });
const STEPS = 300;
const RUNS = 5;

type Action =
  | 'show'
  | 'act'
  | 'hear'
  | 'advance'
  | 'timer'
  | 'old advance'
  | 'forged advance'
  | 'old mail'
  | 'old notice'
  | 'old statement'
  | 'future statement'
  | 'enclave dies'
  | 'site dies'
  | 'site leaves'
  | 'site returns'
  | 'stop and launch'
  | 'lose';

/** What moves a round on comes far more often than what disturbs it, and that more often than what ends it. */
const MOVING = repeat(['show', 'act', 'act', 'hear', 'advance', 'advance'], 40);
const DISTURBING = repeat(
  ['old mail', 'old notice', 'old statement', 'future statement', 'site dies', 'site leaves', 'site returns'],
  4,
);
const ENDING: readonly Action[] = ['timer', 'old advance', 'enclave dies', 'stop and launch', 'lose'];

interface Move {
  readonly action: Action;
  /** Which of the candidates. */
  readonly pick: number;
}

const movesOf = (actions: readonly Action[]): fc.Arbitrary<Move[]> =>
  fc.array(fc.record({ action: fc.constantFrom(...actions), pick: fc.nat({ max: 10_000 }) }), {
    minLength: STEPS,
    maxLength: STEPS,
  });

describe('PROTOCOL §7, under any interleaving of messages, repeats, losses and kills', () => {
  it('every promise is kept at every step, and a fair network then brings the next release', () => {
    let releases = 0;
    fc.assert(
      fc.property(movesOf([...MOVING, ...DISTURBING, ...ENDING]), (plan) => {
        const world = play(plan);
        const before = releasesIn(world);
        settle(world);
        checkInvariants(world);
        expect(releasesIn(world), 'no release in a fair network').toBeGreaterThan(before);
        releases += releasesIn(world);
      }),
      // A failing plan is long and each of its steps signs and verifies: it is shown as it is, with its seed.
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(releases).toBeGreaterThanOrEqual(RUNS);
  });

  it('every promise is kept although the coordinator asks for whatever it likes (§1: trusted for liveness only)', () => {
    fc.assert(
      fc.property(movesOf([...MOVING, ...DISTURBING, ...ENDING, ...repeat(['forged advance'], 12)]), (plan) => {
        checkInvariants(play(plan));
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

function play(plan: readonly Move[]): World {
  const world = new World(sealed);
  plan.forEach((move, step) => {
    apply(world, move);
    if (step % 40 === 39) checkInvariants(world);
  });
  return world;
}

function apply(world: World, { action, pick }: Move): void {
  const site = pickOf(world.sites, pick);
  switch (action) {
    case 'show':
      for (const some of subsetOf(world.sites, pick)) world.showNext(some);
      return;
    case 'act':
      for (const some of subsetOf(world.sites, pick)) world.act(some);
      return;
    case 'hear':
      for (let i = 0; i <= pick % 4; i++) hearNext(world);
      return;
    case 'advance': {
      const next = world.advances.shift();
      if (next !== undefined) world.advance(next);
      return;
    }
    case 'timer': {
      const timer = pickOf(world.timers, pick);
      if (timer !== undefined) world.tellCoordinator(timer);
      return;
    }
    case 'old advance': {
      const asked = pickOf(world.advanced, pick);
      if (asked !== undefined) world.advance(asked);
      return;
    }
    case 'forged advance': {
      const { round, attempt } = { round: 1 + (pick % 3), attempt: 1 + (pick % 5) };
      const actions = [
        'open-round',
        'lock-cohort',
        'close-collection',
        'close-acknowledgement',
        'abort-round',
      ] as const;
      const stale = pickOf(actions, pick >> 4);
      if (stale !== undefined) world.advance({ type: 'advance', action: stale, round, attempt });
      return;
    }
    case 'old mail': {
      const message = pickOf(world.mail, pick);
      if (message !== undefined) world.tellEnclave(message);
      return;
    }
    case 'old notice': {
      const notice = pickOf(world.notices.slice(0, world.heard), pick);
      if (notice !== undefined) world.tellCoordinator(notice);
      return;
    }
    case 'old statement': {
      const statement = pickOf(world.statements.slice(0, site?.state.chain.length), pick);
      if (statement !== undefined) expect(site?.see(statement)).toEqual({ ok: true, value: [] });
      return;
    }
    case 'future statement': {
      const statement = pickOf(world.statements.slice((site?.state.chain.length ?? 0) + 1), pick);
      if (statement !== undefined) expect(site?.see(statement).ok).toBe(false);
      return;
    }
    case 'enclave dies':
      world.rebootEnclave();
      return;
    case 'site dies': {
      const before = site?.state;
      if (site !== undefined) world.rebootSite(site);
      expect(site?.state).toEqual(before);
      return;
    }
    case 'site leaves':
    case 'site returns': {
      const organisation = site?.environment.organisation;
      const connected = action === 'site returns';
      if (organisation !== undefined) world.tellCoordinator({ type: 'see-site', organisation, connected });
      return;
    }
    case 'lose':
      world.advances.shift();
      return;
    case 'stop and launch':
      world.tellCoordinator({ type: 'stop' });
      world.tellCoordinator({ type: 'launch', rounds: sealed.contract.rounds });
  }
}

/** Everything arrives, nobody dies; timers fire when nothing else happens. Ends with the next release, or not at all. */
function settle(world: World): void {
  const goal = releasesIn(world) + 1;
  for (const { environment } of world.sites)
    world.tellCoordinator({ type: 'see-site', organisation: environment.organisation, connected: true });
  world.tellCoordinator({ type: 'launch', rounds: sealed.contract.rounds });
  for (let turn = 0; turn < 40 && releasesIn(world) < goal; turn++) {
    const quiet = progressOf(world);
    while (world.heard < world.notices.length) hearNext(world);
    for (const advance of world.advances.splice(0)) world.advance(advance);
    for (const site of world.sites) {
      while (site.state.chain.length < world.statements.length) world.showNext(site);
      world.act(site);
    }
    if (progressOf(world) === quiet) for (const timer of world.timers.splice(0)) world.tellCoordinator(timer);
  }
}

function hearNext(world: World): void {
  const notice = world.notices[world.heard];
  if (notice === undefined) return;
  world.heard += 1;
  world.tellCoordinator(notice);
}

const progressOf = ({ history, sites, heard }: World): number =>
  history.length + heard + sites.reduce((sum, { log }) => sum + log.length, 0);

const releasesIn = ({ statements }: World): number =>
  statements.filter(({ statement }) => statement.type === 'release').length;

function repeat(actions: readonly Action[], times: number): Action[] {
  return actions.flatMap((action) => new Array<Action>(times).fill(action));
}

/** Half of the candidates on average: those whose bit is set in `pick`. */
const subsetOf = <T>(candidates: readonly T[], pick: number): T[] =>
  candidates.filter((_, index) => ((pick >> index) & 1) === 1);

const pickOf = <T>(candidates: readonly T[], pick: number): T | undefined =>
  candidates[pick % Math.max(1, candidates.length)];
