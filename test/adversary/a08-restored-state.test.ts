import { afterEach, describe, expect, it } from 'vitest';
import type { EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { acknowledgementsNeeded, verifyPassport } from '../../lib/audit/passport.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { toHex } from '../../lib/core/bytes.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import type { MemoryDisk } from '../../lib/store/memory.ts';
import {
  closeCollection,
  collectUpdates,
  copyOf,
  cutOff,
  openRound,
  phaseOf,
  runRound,
  until,
} from '../support/round-in-process.ts';
import { must } from '../support/study-in-memory.ts';
import {
  simulatedVerifiers,
  StudyInProcess,
  type DuplexPair,
  type SiteInProcess,
} from '../support/study-in-process.ts';
import { START, testContract } from '../support/test-contract.ts';

/**
 * PROTOCOL §8, A8: the coordinator withholds a release, puts an older state of the enclave back and runs the round again
 * without one hospital; or it starts two enclaves from one state. Real enclave cores, real agents, attested channels;
 * the coordinator is this test, its network the lines between them. No platform here has a counter.
 */
const contract = testContract();
const running: StudyInProcess[] = [];

afterEach(() => {
  for (const study of running.splice(0)) study.stop();
});

async function started(sealed = contract): Promise<StudyInProcess> {
  const study = await StudyInProcess.start(sealed);
  running.push(study);
  return study;
}

/** The same hospitals before an enclave that was started from `disk`. */
async function startedFrom(study: StudyInProcess, disk: MemoryDisk): Promise<StudyInProcess> {
  const other = await study.from(disk);
  running.push(other);
  return other;
}

/** A relay that lets nothing through to a hospital from the moment on that it has got as far as `phase`. */
const deafFrom =
  (...phases: readonly string[]) =>
  (site: SiteInProcess): DuplexPair =>
    duplexPair({ toSite: (frame) => (phases.includes(site.agent.state.activity.phase) ? [] : [frame]) });
const withholdRelease = deafFrom('acknowledged');
const withholdIntent = deafFrom('uploading', 'acknowledged');

/** What happens in an enclave from now on. */
function eventsOf({ enclave }: StudyInProcess): EnclaveEvent[] {
  const seen: EnclaveEvent[] = [];
  enclave.listen((event) => void seen.push(event));
  return seen;
}

const codesOf = ({ refusals, endings }: SiteInProcess): string[] => [...refusals, ...endings].map(({ code }) => code);
const spentOf = ({ agent }: SiteInProcess): string[] =>
  [...agent.state.spent].map(([parent, commit]) => `${parent} ${toHex(commit)}`);

function haltOf({ enclave: { state } }: StudyInProcess): Refusal {
  if (state.phase !== 'halted') throw new Error(`the enclave is ${state.phase}`);
  return state.refusal;
}

/** The one nobody tells what the others were told; the three others are enough for a round of their own. */
function victimOf(study: StudyInProcess): { victim: SiteInProcess; others: readonly SiteInProcess[] } {
  const [victim, ...others] = study.sites;
  if (victim === undefined) throw new Error('no sites');
  return { victim, others };
}

interface Restored {
  /** Its disk is the newest. */
  readonly study: StudyInProcess;
  /** Its disk is from before the Intent. */
  readonly restored: StudyInProcess;
}

/** Every hospital acknowledges, the enclave signs the release, nobody gets it; then the disk from before the Intent. */
async function withheldFromAll(): Promise<Restored> {
  const study = await started();
  study.connect(study.sites, withholdRelease);
  await collectUpdates(study, { round: 1 });
  const before = copyOf(study.disk);
  await closeCollection(study);
  await until(() => phaseOf(study) === 'released');
  await cutOff(study.sites);
  expect(study.sites.map(({ agent }) => agent.state.activity.phase)).toEqual(study.sites.map(() => 'acknowledged'));
  return { study, restored: await startedFrom(study, before) };
}

/** The same, but the victim is not shown the Intent either: the others' acknowledgements are enough. */
async function withheldFromVictim(): Promise<Restored> {
  const study = await started();
  const { victim, others } = victimOf(study);
  study.connect([victim], withholdIntent);
  study.connect(others, withholdRelease);
  await collectUpdates(study, { round: 1 });
  const before = copyOf(study.disk);
  await closeCollection(study);
  await until(() => others.every(({ agent }) => agent.state.activity.phase === 'acknowledged'));
  await until(
    () => study.enclave.state.phase === 'committed' && study.enclave.state.acknowledgements.size === others.length,
  );
  await study.command({ type: 'close-acknowledgement', at: START });
  expect(phaseOf(study)).toBe('released');
  await cutOff(study.sites);
  expect(victim.agent.state.activity.phase).toBe('uploading');
  return { study, restored: await startedFrom(study, before) };
}

describe('PROTOCOL §8 A8: a release is withheld and the state from before its Intent comes back', () => {
  it.each([
    ['before the round is opened again', false],
    ['after the round was opened again', true],
  ])('the first hospital that acknowledged halts it, %s', async (_, opened) => {
    const { restored } = await withheldFromAll();
    const { others } = victimOf(restored);
    const spent = others.map(spentOf);
    expect(phaseOf(restored)).toBe('aborted');
    const seen = eventsOf(restored);
    if (opened) await restored.command({ type: 'open-round', at: START, round: 1, attempt: 2 });
    restored.connect(others);
    await until(() => phaseOf(restored) === 'halted' && others.every(({ ended }) => ended));

    // The Intent is statement 3, behind genesis, manifest and certificate; the restored enclave has its abort there.
    const newest = opened ? 4 : 3;
    expect(haltOf(restored)).toMatchObject({
      code: 'E-STATE-BEHIND',
      got: 'statement 3',
      want: `none but its own, the newest is ${newest}`,
    });
    expect(seen.map(({ type }) => type)).toEqual(opened ? ['statement-issued', 'halted'] : ['halted']);
    for (const site of others) expect(codesOf(site)).toContain('E-STATE-BEHIND');
    expect(others.flatMap(({ asked }) => asked)).toContain(3);
    expect(others.map(({ trained }) => trained)).toEqual([[1], [1], [1]]);
    expect(others.map(spentOf)).toEqual(spent);
    const again = await restored.enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 3 });
    expect(again).toEqual({ ok: false, error: haltOf(restored) });
  });

  it('it stays halted through restarts, and says so to whoever comes', async () => {
    const { restored } = await withheldFromAll();
    const { victim, others } = victimOf(restored);
    restored.connect(others);
    await until(() => phaseOf(restored) === 'halted' && others.every(({ ended }) => ended));
    const why = haltOf(restored);
    const records = restored.disk.streams.get('sealed')?.length;
    for (const boot of ['the first boot', 'the second boot']) {
      await restored.restartEnclave();
      expect(haltOf(restored), boot).toEqual(why);
      victim.refusals.length = 0;
      restored.connect([victim]);
      await until(() => victim.ended);
      expect(new Set(victim.refusals.map(({ code }) => code))).toEqual(new Set(['E-STATE-BEHIND']));
    }
    // A halted enclave signs nothing, not even the evidence of its boots.
    expect(restored.disk.streams.get('sealed')?.length).toBe(records);
  });

  it('the newest disk goes on: the release is delivered and the next round runs', async () => {
    const { study, restored } = await withheldFromAll();
    const { others } = victimOf(restored);
    restored.connect(others);
    await until(() => phaseOf(restored) === 'halted' && others.every(({ ended }) => ended));
    await study.restartEnclave();
    study.connect();
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    await runRound(study, { round: 2 });
    expect(study.sites.map(({ trained }) => trained)).toEqual(study.sites.map(() => [1, 2]));
  });
});

describe('PROTOCOL §8 A8: the hospital that is to be left out saw neither Intent nor release', () => {
  it('the others hold the Intent and prove it; the victim is told, and nothing of it leaves again', async () => {
    const { restored } = await withheldFromVictim();
    const { victim, others } = victimOf(restored);
    // The victim's head is on the chain of the restored enclave: it follows the abort of its boot.
    restored.connect([victim]);
    await until(() => victim.agent.state.activity.phase === 'waiting');
    const seen = eventsOf(restored);
    restored.connect(others);
    await until(() => phaseOf(restored) === 'halted' && restored.sites.every(({ ended }) => ended));
    expect(seen.map(({ type }) => type)).toEqual(['halted']);
    expect(victim.endings.map(({ code }) => code)).toContain('E-STATE-BEHIND');
    expect(restored.sites.map(({ trained }) => trained)).toEqual(restored.sites.map(() => [1]));
  });

  it('the newest disk goes on with all of them where the victim was kept from the old one', async () => {
    const { study, restored } = await withheldFromVictim();
    const { others } = victimOf(restored);
    restored.connect(others);
    await until(() => phaseOf(restored) === 'halted' && others.every(({ ended }) => ended));
    await study.restartEnclave();
    study.connect();
    await runRound(study, { round: 2 });
    expect(codesOf(victimOf(study).victim)).not.toContain('E-STATE-BEHIND');
  });

  it('a victim that followed the old disk halts the newest one too: only a successor contract goes on', async () => {
    const { study, restored } = await withheldFromVictim();
    const { victim } = victimOf(restored);
    restored.connect([victim]);
    await until(() => victim.agent.state.activity.phase === 'waiting');
    await cutOff([victim]);
    await study.restartEnclave();
    study.connect([victim]);
    await until(() => phaseOf(study) === 'halted');
    expect(haltOf(study).got).toBe('statement 3');
  });
});

interface Twins {
  readonly one: StudyInProcess;
  readonly two: StudyInProcess;
}

/** Two enclaves from the state behind the first release; every hospital has seen that release. */
async function twins(sealed = contract): Promise<Twins> {
  const one = await started(sealed);
  one.connect();
  await runRound(one, { round: 1 });
  await cutOff(one.sites);
  const copy = copyOf(one.disk);
  await one.restartEnclave();
  return { one, two: await startedFrom(one, copy) };
}

/** The second round at one enclave with `sites`, as far as it lets itself be driven. */
async function driveRound(study: StudyInProcess, sites: readonly SiteInProcess[]): Promise<void> {
  study.connect(sites);
  await openRound(study, { round: 2, sites });
  await study.command({ type: 'lock-cohort', at: START });
  if (phaseOf(study) === 'aborted') return;
  await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === sites.length);
  await closeCollection(study);
  await until(() => phaseOf(study) === 'released' && sites.every(({ agent }) => agent.state.model.round === 2));
}

interface Passport {
  readonly parent: string;
  readonly child: string;
  readonly members: number;
  readonly acknowledgements: number;
}

/** Passports of the second round that hospitals accepted, each checked again by a stranger. */
function secondReleases(sites: readonly SiteInProcess[]): Passport[] {
  const organisationKeys = new Map(contract.contract.organisations.map(({ id, key }) => [id, key]));
  const appraise = publicationAppraiser(simulatedVerifiers, 'simulation', () => START);
  const distinct = new Map<string, Passport>();
  for (const bytes of sites.flatMap(({ passports }) => [...passports.values()])) {
    const bundle = must(decodeBundle(bytes));
    const { passed, release } = verifyPassport(bundle, { organisationKeys, appraise });
    if (release?.round !== 2) continue;
    expect(passed).toBe(true);
    const { parent, child, cohortSize: members } = release;
    const acknowledgements = bundle.acknowledgements.length;
    distinct.set(toHex(bundle.release), { parent: toHex(parent), child: toHex(child), members, acknowledgements });
  }
  return [...distinct.values()];
}

/** Shows an enclave the hospitals that another one served. */
async function crossOver(study: StudyInProcess, sites: readonly SiteInProcess[]): Promise<void> {
  await cutOff(sites);
  study.connect(sites);
  await until(() => phaseOf(study) === 'halted' && sites.every(({ ended }) => ended));
}

describe('PROTOCOL §8 A8: two enclaves from one state', () => {
  it.each([
    ['three and one', 3],
    ['two and two', 2],
    ['one and three', 1],
  ])('with a k_min above half of the hospitals: at most one release of one parent, %s', async (_, split) => {
    const { one, two } = await twins();
    const [left, right] = [one.sites.slice(0, split), one.sites.slice(split)];
    await driveRound(one, left);
    await driveRound(two, right);
    const released = secondReleases(one.sites);
    expect(released).toHaveLength(split === 2 ? 0 : 1);
    for (const { members, acknowledgements } of released)
      expect(acknowledgements).toBeGreaterThanOrEqual(acknowledgementsNeeded(contract, members));

    await cutOff(right);
    await crossOver(two, left);
    await crossOver(one, right);
    for (const halted of [one, two]) expect(haltOf(halted).code).toBe('E-STATE-BEHIND');
    expect(secondReleases(one.sites)).toHaveLength(released.length);
  });

  it('a hospital that acknowledged to one of them gives the other nothing', async () => {
    const sealed = testContract({ kMin: 2 });
    const { one, two } = await twins(sealed);
    const [first, shared, ...rest] = one.sites;
    if (first === undefined || shared === undefined) throw new Error('four sites');
    await driveRound(one, [first, shared]);
    await cutOff([shared]);
    const seen = eventsOf(two);
    two.connect(rest);
    await openRound(two, { round: 2, sites: rest });
    two.connect([shared]);
    await until(() => phaseOf(two) === 'halted');
    expect(seen.some(({ type }) => type === 'header-accepted' || type === 'update-accepted')).toBe(false);
    expect(rest.map(({ trained }) => trained)).toEqual([[1], [1]]);
  });

  // PROTOCOL §7.6: the limit of the rule, in limitations.md. What it still promises is that no update is in both.
  it('with a k_min of half of the hospitals: two releases, of sets that share nobody', async () => {
    const sealed = testContract({ kMin: 2 });
    const { one, two } = await twins(sealed);
    const [left, right] = [one.sites.slice(0, 2), one.sites.slice(2)];
    await driveRound(one, left);
    await driveRound(two, right);
    const children = [left, right].map((half) => secondReleases(half).map(({ child }) => child));
    expect(children.map(({ length }) => length)).toEqual([1, 1]);
    expect(new Set(children.flat()).size).toBe(2);
    expect(one.sites.map(({ trained }) => trained)).toEqual(one.sites.map(() => [1, 2]));
    await cutOff(right);
    await crossOver(two, left);
    await crossOver(one, right);
  });

  it('from behind an Intent: both can only finish the same result', async () => {
    const one = await started();
    one.connect(one.sites, withholdRelease);
    await collectUpdates(one, { round: 1 });
    const { victim, others } = victimOf(one);
    await closeCollection(one);
    const sealedState = copyOf(one.disk);
    await until(() => phaseOf(one) === 'released');
    await cutOff(one.sites);
    const two = await startedFrom(one, sealedState);
    two.connect(others);
    await until(() => others.every(({ agent }) => agent.state.activity.phase === 'acknowledged'));
    await until(() => two.enclave.state.phase === 'committed' && two.enclave.state.acknowledgements.size === 3);
    expect((await two.enclave.handle({ type: 'abort-round', at: START })).ok).toBe(false);
    await two.command({ type: 'close-acknowledgement', at: START });
    await until(() => others.every(({ agent }) => agent.state.model.round === 1));
    await one.restartEnclave();
    one.connect([victim]);
    await until(() => victim.agent.state.model.round === 1);
    expect(new Set(one.sites.map(({ agent }) => toHex(agent.state.model.digest))).size).toBe(1);
  });
});
