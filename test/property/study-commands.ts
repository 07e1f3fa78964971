import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { headOfChain, isOnChain } from '../../lib/audit/chain.ts';
import type { Fate } from './journal.ts';
import { pick, type StudyWorld } from './study-world.ts';

/** What is expected of the world without looking into it. */
export interface Expected {
  /** By enclave: it has been shown that another one went on from its state (PROTOCOL §7). */
  readonly halted: boolean[];
  /** The one hospital whose disk may be put back: contracts here tolerate one that forgets (f = 1). */
  forgetful: number | null;
  /** Since the study can go on by itself: no enclave's disk was put back or copied, no site forgot. */
  undisturbed: boolean;
  steps: number;
}

export const expectedAtFirst = (): Expected => ({ halted: [false], forgetful: null, undisturbed: true, steps: 0 });

type Run = (expected: Expected, world: StudyWorld) => void;

/** One step, with what must hold before it makes sense. */
class Step implements fc.Command<Expected, StudyWorld> {
  readonly #name: string;
  readonly #run: Run;
  readonly #check: (expected: Readonly<Expected>) => boolean;

  constructor(name: string, run: Run, check: (expected: Readonly<Expected>) => boolean = () => true) {
    this.#name = name;
    this.#run = run;
    this.#check = check;
  }

  check(expected: Readonly<Expected>): boolean {
    return this.#check(expected);
  }

  run(expected: Expected, world: StudyWorld): void {
    this.#run(expected, world);
    expected.steps += 1;
    if (expected.steps % 40 === 0) world.promises.check();
    world.enclaves.forEach(({ name, state }, index) => {
      assert.equal(state.phase === 'halted', expected.halted[index], `§7: ${name} halted, and should not have, or not`);
    });
  }

  toString(): string {
    return this.#name;
  }
}

const number = fc.nat({ max: 10_000 });
const fates = fc.constantFrom<Fate>('lost', 'unreported');

/** A site dials an enclave: served if its head is on the chain; else its proof halts the enclave, whatever else holds. */
function dial(expected: Expected, world: StudyWorld, at: { site: number; enclave: number }): void {
  const site = world.site(at.site);
  const machine = world.enclave(at.enclave);
  const index = world.enclaves.indexOf(machine);
  if (expected.halted[index] === true) {
    assert.equal(site.connect(machine), 'refused');
    return;
  }
  // A crash at the write of what this hospital trusts, or of the halt itself, is a dialling that failed.
  const disturbed = site.fate !== null || machine.fate !== null;
  const { state } = machine;
  const known = state.phase !== 'unborn' && isOnChain(state.ledger.chain, headOfChain(site.state.chain));
  const greeting = site.connect(machine);
  if (disturbed) expected.halted[index] = haltedNow(world, index);
  else {
    assert.equal(greeting, known ? 'served' : 'halted', '§7: how a site with this head is greeted');
    expected.halted[index] = greeting === 'halted';
  }
}

const haltedNow = (world: StudyWorld, index: number): boolean => world.enclaves[index]?.state.phase === 'halted';

const moving: readonly fc.Arbitrary<Step>[] = [
  number.map(
    (mask) =>
      new Step(`show ${mask % 16}`, (_, world) => {
        some(world.sites, mask).forEach((s) => {
          s.showNext();
        });
      }),
  ),
  number.map(
    (mask) =>
      new Step(`act ${mask % 16}`, (_, world) => {
        some(world.sites, mask).forEach((s) => {
          world.act(s);
        });
      }),
  ),
  number.map(
    (mask) =>
      new Step(`act again ${mask % 16}`, (_, world) => {
        some(world.sites, mask).forEach((s) => {
          world.act(s);
        });
      }),
  ),
  fc.nat({ max: 4 }).map(
    (times) =>
      new Step(`hear ${times}`, (_, world) => {
        for (let i = 0; i <= times; i++) world.hear();
      }),
  ),
  fc.constant(
    new Step('advance', (_, world) => {
      const next = world.coordinator.advances.shift();
      if (next !== undefined) world.advance(next);
    }),
  ),
  number.map(
    (mask) =>
      new Step(`turn ${mask % 16}`, (expected, world) => {
        turn(expected, world, mask);
      }),
  ),
  number.map(
    (mask) =>
      new Step(`turn of all but ${mask % 8}`, (expected, world) => {
        turn(expected, world, 15 ^ (1 << (mask % 8)));
      }),
  ),
  number.map(
    (mask) =>
      new Step(`reconnect ${mask % 16}`, (expected, world) => {
        world.sites.forEach((site, index) => {
          if (site.session === null && ((mask >> index) & 1) === 1)
            dial(expected, world, { site: index, enclave: world.enclaves.indexOf(world.driven) });
        });
      }),
  ),
];

const disturbing: readonly fc.Arbitrary<Step>[] = [
  number.map(
    (which) =>
      new Step(`old mail ${which}`, (_, world) => {
        const message = pick(world.mail, which);
        if (message !== undefined) world.enclave(which).handle(message);
      }),
  ),
  number.map(
    (which) =>
      new Step(`old notice ${which}`, (_, world) => {
        const notice = pick(world.heardNotices(), which);
        if (notice !== undefined) world.coordinator.handle(notice);
      }),
  ),
  number.map((which) => new Step(`any statement ${which}`, showAny(which))),
  number.map(
    (which) =>
      new Step(`site dies ${which % 4}`, (_, world) => {
        const site = world.site(which);
        const before = site.state;
        site.boot();
        assert.deepEqual(site.state, before, 'HOUSE §2: a site is what its log says');
      }),
  ),
  fc.tuple(number, fates).map(
    ([which, fate]) =>
      new Step(`site ${which % 4} will crash: ${fate}`, (_, world) => {
        world.site(which).fate = fate;
      }),
  ),
  fc.tuple(number, fc.boolean()).map(
    ([which, connected]) =>
      new Step(`site ${which % 4} ${connected ? 'returns' : 'leaves'}`, (_, world) => {
        const { organisation } = world.site(which);
        world.coordinator.handle({ type: 'see-site', organisation, connected });
      }),
  ),
  number.map(
    (which) =>
      new Step(`redial ${which}`, (expected, world) => {
        dial(expected, world, { site: which, enclave: which >> 2 });
      }),
  ),
];

const ending: readonly fc.Arbitrary<Step>[] = [
  number.map(
    (which) =>
      new Step(`timer ${which}`, (_, world) => {
        const timer = pick(world.coordinator.timers, which);
        if (timer !== undefined) world.coordinator.handle(timer);
      }),
  ),
  number.map(
    (which) =>
      new Step(`old advance ${which}`, (_, world) => {
        const asked = pick(world.asked, which);
        if (asked !== undefined) world.advance(asked, world.enclave(which));
      }),
  ),
  number.map(
    (which) =>
      new Step(`enclave dies ${which}`, (_, world) => {
        world.enclave(which).boot();
      }),
  ),
  fc.tuple(number, fates).map(
    ([which, fate]) =>
      new Step(`enclave ${which} will crash: ${fate}`, (_, world) => {
        world.enclave(which).fate = fate;
      }),
  ),
  fc.constant(
    new Step('coordinator dies', (_, world) => {
      world.coordinator.boot();
    }),
  ),
  fates.map(
    (fate) =>
      new Step(`coordinator will crash: ${fate}`, (_, world) => {
        world.coordinator.fate = fate;
      }),
  ),
  fc.constant(
    new Step('stop and launch', (_, world) => {
      world.coordinator.handle({ type: 'stop' });
      world.coordinator.launch();
    }),
  ),
  fc.constant(new Step('lose an advance', (_, world) => void world.coordinator.advances.shift())),
  number.map(
    (which) =>
      new Step(`coordinator's disk of ${which} is put back`, (_, world) => {
        const { coordinator } = world;
        coordinator.journal.restore(which % (coordinator.journal.length + 1));
        coordinator.boot();
        coordinator.launch();
      }),
  ),
];

/** What a coordinator does that wants to harm, and what hosts do with disks. */
const cheating: readonly fc.Arbitrary<Step>[] = [
  number.map(
    (which) =>
      new Step(`forged advance ${which}`, (_, world) => {
        const actions = [
          'open-round',
          'lock-cohort',
          'close-collection',
          'close-acknowledgement',
          'abort-round',
        ] as const;
        const action = pick(actions, which) ?? 'open-round';
        const { round, attempt } = { round: 1 + ((which >> 3) % 4), attempt: 1 + ((which >> 5) % 6) };
        world.advance({ type: 'advance', action, round, attempt }, world.enclave(which >> 7));
      }),
  ),
  number.map(
    (which) =>
      new Step(`coordinator drives ${which}`, (_, world) => {
        world.drive(world.enclave(which));
      }),
  ),
];

const copying: readonly fc.Arbitrary<Step>[] = [
  number.map(
    (which) =>
      new Step(
        `twin of ${which}`,
        (expected, world) => {
          const machine = world.enclave(which);
          const twin = world.twin(machine, 1 + ((which >> 2) % machine.journal.length));
          if (twin === null) return;
          expected.undisturbed = false;
          expected.halted.push(haltedNow(world, world.enclaves.length - 1));
        },
        ({ halted }) => halted.length < 3,
      ),
  ),
  number.map(
    (which) =>
      new Step(`disk of enclave ${which} is put back`, (expected, world) => {
        const machine = world.enclave(which);
        machine.journal.restore(1 + ((which >> 2) % machine.journal.length));
        machine.boot();
        expected.undisturbed = false;
        const index = world.enclaves.indexOf(machine);
        expected.halted[index] = haltedNow(world, index);
      }),
  ),
  number.map(
    (which) =>
      new Step(
        `disk of site ${which % 4} is put back`,
        (expected, world) => {
          expected.forgetful ??= which % 4;
          expected.undisturbed = false;
          const site = world.site(expected.forgetful);
          site.restore((which >> 2) % (site.journal.length + 1));
        },
        ({ forgetful }) => forgetful === null || forgetful === which % 4,
      ),
  ),
  fc.constant(
    new Step(
      'the hospital accepts its old disk',
      ({ forgetful }, world) => {
        const site = world.site(forgetful ?? 0);
        const { behind: counter } = site.state;
        if (counter !== null) site.handle({ type: 'accept-backup', counter });
      },
      ({ forgetful }) => forgetful !== null,
    ),
  ),
];

/** Any statement that ever left any enclave: seen before, next in line, or refused, and never half accepted. */
function showAny(which: number): Run {
  return (_, world) => {
    const site = world.site(which);
    const statement = pick(world.issued, which >> 2);
    if (statement === undefined) return;
    const { chain } = site.state;
    const { counter } = statement.statement;
    const next = counter === chain.length;
    const known = counter < chain.length && isOnChain(chain, { counter, digest: statement.digest });
    const session = site.session;
    const answer = site.show(statement.bytes);
    if (known) assert.deepEqual(answer, { ok: true, value: [] }, '§7: a repeat changes nothing');
    else if (!next) assert(!answer.ok, '§7: a gap or a fork is refused');
    // Not what its own session would say: the world goes on as if the coordinator had tried.
    if (!answer.ok) site.session = session;
  };
}

interface Weights {
  readonly moving: number;
  readonly disturbing: number;
  readonly ending: number;
  readonly cheating: number;
  readonly copying: number;
}

/** Steps in these proportions: what moves a round on comes far more often than what disturbs or ends it. */
export function studySteps(weights: Weights): fc.Arbitrary<Step> {
  const weighted = (arbitraries: readonly fc.Arbitrary<Step>[], weight: number) =>
    weight === 0 ? [] : arbitraries.map((arbitrary) => ({ arbitrary, weight }));
  return fc.oneof(
    ...weighted(moving, weights.moving),
    ...weighted(disturbing, weights.disturbing),
    ...weighted(ending, weights.ending),
    ...weighted(cheating, weights.cheating),
    ...weighted(copying, weights.copying),
  );
}

const ALL = 15;

/** Everything that is on its way arrives, at some of the sites; then each of them says what it owes. */
function turn(expected: Expected, world: StudyWorld, mask: number): void {
  const { coordinator } = world;
  while (world.unheard > 0) world.hear();
  for (const advance of coordinator.advances.splice(0)) world.advance(advance);
  world.sites.forEach((site, index) => {
    if (((mask >> index) & 1) === 0) return;
    if (site.session === null) dial(expected, world, { site: index, enclave: world.enclaves.indexOf(world.driven) });
    for (let missing = site.session?.statements.length ?? 0; missing > site.state.chain.length; missing--)
      site.showNext();
    world.act(site);
    world.act(site);
  });
}

/** Everything arrives, nobody dies; timers fire when nothing else happens. Ends with the next release, or not at all. */
export function settle(expected: Expected, world: StudyWorld): void {
  const goal = world.promises.releases + 1;
  const { coordinator } = world;
  for (const machine of [...world.enclaves, ...world.sites, coordinator]) machine.fate = null;
  world.drive(world.enclave(0));
  coordinator.enrol();
  coordinator.launch();
  for (let times = 0; times < 60 && world.promises.releases < goal; times++) {
    const quiet = progressOf(world);
    for (const site of world.sites) if (site.session !== world.driven) site.session = null;
    turn(expected, world, ALL);
    if (progressOf(world) === quiet) for (const timer of coordinator.timers.splice(0)) coordinator.handle(timer);
    if (coordinator.state.phase === 'failed' || coordinator.state.phase === 'stopped') coordinator.launch();
  }
}

const progressOf = ({ issued, sites, unheard, driven }: StudyWorld): number =>
  issued.length + driven.journal.length + sites.reduce((sum, { ever }) => sum + ever.length, 0) - unheard;

/** Half of the candidates on average: those whose bit is set in `mask`. */
const some = <T>(candidates: readonly T[], mask: number): T[] =>
  candidates.filter((_, index) => ((mask >> index) & 1) === 1);
