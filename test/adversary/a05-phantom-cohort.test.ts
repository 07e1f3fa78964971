// PROTOCOL §8 A5: hospitals that the coordinator invented, cohorts that it thins out, acknowledgements that it withholds.
import { afterEach, describe, expect, it } from 'vitest';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { acknowledgementsNeeded, verifyPassport, type PassportReport } from '../../lib/audit/passport.ts';
import { encodeDocument } from '../../lib/contract/shapes.ts';
import { openContract, type SealedContract } from '../../lib/contract/study-contract.ts';
import { organisationId, type OrganisationId, type PublicKey } from '../../lib/core/ids.ts';
import {
  closeCollection,
  collectUpdates,
  cutOff,
  openRound,
  phaseOf,
  runRound,
  until,
} from '../support/round-in-process.ts';
import { must } from '../support/study-in-memory.ts';
import { simulatedVerifiers, StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { statedBy } from '../support/study-logs.ts';
import { organisationSigner, START, testContract } from '../support/test-contract.ts';

const running: StudyInProcess[] = [];
afterEach(() => {
  for (const study of running.splice(0)) study.stop();
});

const GHOSTS = ['ghost-1', 'ghost-2', 'ghost-3'];
const keysOf = (ids: readonly string[]): Map<OrganisationId, PublicKey> =>
  new Map(ids.map((id) => [organisationId(id), organisationSigner(id).publicKey]));

/** A contract whose organisations are `real`, and `ghosts` whose keys the coordinator made. */
function contractWith(real: readonly string[], ghosts: readonly string[], kMin = 3): SealedContract {
  const organisations = [...real, ...ghosts].map((id) => ({
    id: organisationId(id),
    name: `${id} hospital`,
    key: organisationSigner(id).publicKey,
  }));
  return testContract({ organisations, kMin });
}

interface Scene {
  readonly study: StudyInProcess;
  readonly victim: SiteInProcess;
  /** Real hospitals, the victim among them; each has spoken with the other real ones on the telephone, with nobody else. */
  readonly real: readonly SiteInProcess[];
  /** Agents that the coordinator runs; they find everybody trustworthy. */
  readonly ghosts: readonly SiteInProcess[];
}

async function scene(real: readonly string[], ghosts: readonly string[], minimum = 1): Promise<Scene> {
  const overlay = { confirmedKeys: keysOf(real), minimum };
  const study = await StudyInProcess.start(contractWith(real, ghosts), {
    overlays: Object.fromEntries(real.map((id) => [id, overlay])),
  });
  running.push(study);
  study.connect();
  const isGhost = ({ id }: SiteInProcess): boolean => ghosts.includes(id);
  const hospitals = study.sites.filter((site) => !isGhost(site));
  const [victim] = hospitals;
  if (victim === undefined) throw new Error('no victim');
  return { study, victim, real: hospitals, ghosts: study.sites.filter(isGhost) };
}

const declinedWith = ({ refusals }: SiteInProcess): string[] => refusals.map(({ code }) => code);
const accepted = ({ enclave: { state } }: StudyInProcess): number =>
  state.phase === 'collecting' ? state.accepted.size : 0;
const acknowledged = ({ enclave: { state } }: StudyInProcess): number =>
  state.phase === 'committed' ? state.acknowledgements.size : 0;
const statementsOf = async (study: StudyInProcess): Promise<string[]> =>
  (await statedBy(study)).map(({ statement }) =>
    statement.type === 'abort' ? `abort ${statement.code}` : statement.type,
  );
const nothingLeft = (site: SiteInProcess): void => {
  expect(site.trained).toEqual([]);
  expect(site.agent.state.spent.size).toBe(0);
};

/** What a stranger finds who has confirmed the keys of `ids`. */
function verifiedBy(ids: readonly string[], bundle: Uint8Array): PassportReport {
  const appraise = publicationAppraiser(simulatedVerifiers, 'simulation', () => START);
  return verifyPassport(must(decodeBundle(bundle)), { organisationKeys: keysOf(ids), appraise });
}
const failedChecks = ({ checks }: PassportReport): string[] =>
  checks.flatMap(({ name, passed }) => (passed ? [] : name));

describe('PROTOCOL §6.2: phantom hospitals under keys that the coordinator made', () => {
  it('fill the cohort of two real ones: the enclave certifies it, the real ones refuse to train', async () => {
    const { study, real, ghosts } = await scene(['adler', 'birch'], GHOSTS.slice(0, 2));
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    // Keys in a contract are as good as any other to the enclave.
    await until(() => accepted(study) === ghosts.length);
    for (const site of real) {
      expect(declinedWith(site)).toEqual(['E-COHORT-UNCONFIRMED']);
      nothingLeft(site);
    }
    await closeCollection(study);
    expect((await statementsOf(study)).at(-1)).toBe('abort E-COHORT-TOO-SMALL');
  });

  it('are enough by themselves: their model is released, and the victim neither trained for it nor takes it', async () => {
    const { study, victim, ghosts } = await scene(['adler'], GHOSTS);
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === ghosts.length);
    await closeCollection(study);
    await until(() => ghosts.every(({ agent }) => agent.state.model.round === 1));
    await until(() => victim.ended);
    nothingLeft(victim);
    expect(victim.agent.state.model.round).toBe(0);
    expect(victim.endings.map(({ code }) => code)).toContain('E-RELEASE-INVALID');
    const report = verifiedBy(['adler', 'birch', 'cedar'], ghosts[0]?.passports.get(1) ?? new Uint8Array());
    expect(report.passed).toBe(false);
    expect(failedChecks(report)).toContain('approvals by confirmed hospitals');
  });

  it('one real hospital under a second id and another key counts once; under one key it is no contract', async () => {
    const { study, victim } = await scene(['adler', 'birch'], ['birch-2', 'ghost-1']);
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => declinedWith(victim).includes('E-COHORT-UNCONFIRMED'));
    nothingLeft(victim);

    const { contract } = contractWith(['adler', 'birch'], ['birch-2', 'ghost-1']);
    const [adler, birch, second, ghost] = contract.organisations;
    if (adler === undefined || birch === undefined || second === undefined || ghost === undefined) throw new Error();
    const organisations = [adler, birch, { ...second, key: birch.key }, ghost];
    expect(openContract(encodeDocument({ ...contract, organisations }))).toMatchObject({
      ok: false,
      error: { code: 'E-CONTRACT-INVALID', detail: 'organisations: a key stands twice' },
    });
  });

  it('a confirmed name over a key that the coordinator made counts for nobody', async () => {
    const sealed = contractWith(['adler', 'birch'], ['cedar', 'ghost-1']);
    const confirmedKeys = keysOf(['adler', 'birch']);
    confirmedKeys.set(organisationId('cedar'), organisationSigner('the real cedar').publicKey);
    const study = await StudyInProcess.start(sealed, { overlays: { adler: { confirmedKeys } } });
    running.push(study);
    study.connect();
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    const [victim] = study.sites;
    await until(() => victim !== undefined && declinedWith(victim).includes('E-COHORT-UNCONFIRMED'));
    nothingLeft(victim as SiteInProcess);
  });

  it('beside enough real ones they change nothing: whoever was confirmed is enough', async () => {
    const { study, real } = await scene(['adler', 'birch', 'cedar'], GHOSTS.slice(0, 1));
    await runRound(study, { round: 1 });
    const report = verifiedBy(['adler', 'birch', 'cedar'], real[0]?.passports.get(1) ?? new Uint8Array());
    expect(failedChecks(report)).toEqual([]);
  });
});

describe('PROTOCOL §7.4, §7.6: a cohort that is thinned out', () => {
  it('below k_min before the lock: no certificate', async () => {
    const { study, real } = await scene(['adler', 'birch', 'cedar', 'dogwood'], []);
    const [victim, birch, ...gone] = real;
    if (victim === undefined || birch === undefined) throw new Error('four');
    await cutOff(gone);
    await openRound(study, { round: 1, sites: [victim, birch] });
    await study.command({ type: 'lock-cohort', at: START });
    expect(await statementsOf(study)).toEqual(['genesis', 'manifest', 'abort E-COHORT-TOO-SMALL']);
    nothingLeft(victim);
  });

  it.each([1, 2])('everyone commits, then all uploads but %i are dropped: no Intent', async (left) => {
    const { study, real } = await scene(['adler', 'birch', 'cedar', 'dogwood'], []);
    const [kept, dropped] = [real.slice(0, left), real.slice(left)];
    await openRound(study, { round: 1 });
    for (const site of dropped) site.hold();
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === left);
    await cutOff(dropped);
    for (const site of dropped) site.letGo();
    await closeCollection(study);
    expect(await statementsOf(study)).toEqual(['genesis', 'manifest', 'certificate', 'abort E-COHORT-TOO-SMALL']);
    await until(() => kept.every(({ agent }) => agent.state.activity.phase === 'waiting'));
    for (const site of kept) expect(site.agent.state.model.round).toBe(0);
  });

  it('the uploads of the victim and of phantoms are left: it refuses to acknowledge, and they cannot do without it', async () => {
    const { study, victim, real, ghosts } = await scene(['adler', 'birch', 'cedar'], GHOSTS.slice(0, 2));
    await openRound(study, { round: 1 });
    const dropped = real.filter((site) => site !== victim);
    for (const site of dropped) site.hold();
    await study.command({ type: 'lock-cohort', at: START });
    // Three hospitals that it has confirmed are in the certificate.
    await until(() => accepted(study) === 1 + ghosts.length);
    await cutOff(dropped);
    await closeCollection(study);
    await until(() => acknowledged(study) === ghosts.length && victim.agent.state.activity.phase === 'waiting');
    expect(declinedWith(victim)).toEqual(['E-COHORT-UNCONFIRMED']);
    const deadline = await study.enclave.handle({ type: 'close-acknowledgement', at: START });
    expect(deadline).toMatchObject({ ok: false, error: { code: 'E-ACKS-MISSING' } });
    expect(await statementsOf(study)).toEqual(['genesis', 'manifest', 'certificate', 'intent']);
    for (const site of study.sites) expect(site.agent.state.model.round).toBe(0);
    for (const ghost of ghosts) expect(ghost.passports.size).toBe(0);
  });

  it('where a hospital may accept the cohort at all, phantoms alone are never enough acknowledgements', () => {
    const sealed = contractWith(['adler', 'birch'], [], 2);
    const [some] = sealed.contract.organisations;
    if (some === undefined) throw new Error('two');
    for (let real = 2; real <= 8; real++) {
      for (let kMin = 2; kMin <= real; kMin++) {
        for (let ghosts = 1; ghosts <= 12; ghosts++) {
          const organisations = new Array<typeof some>(real + ghosts).fill(some);
          const contract = { ...sealed.contract, organisations, kMin };
          expect(acknowledgementsNeeded({ ...sealed, contract }, 1 + ghosts)).toBeGreaterThan(ghosts);
        }
      }
    }
  });

  it('the minimum of each member holds at the Intent too', async () => {
    const { study, real } = await scene(['adler', 'birch', 'cedar', 'dogwood'], [], 4);
    await openRound(study, { round: 1 });
    const [late, ...others] = real;
    if (late === undefined) throw new Error('four');
    late.hold();
    await study.command({ type: 'lock-cohort', at: START });
    // Three are k_min.
    await until(() => accepted(study) === others.length);
    await closeCollection(study);
    expect((await statementsOf(study)).at(-1)).toBe('abort E-COHORT-REQUIRED');
  });
});

describe('PROTOCOL §7.6–7.7: acknowledgements', () => {
  it('withheld: nothing of the result leaves, however often the deadline is said to have passed', async () => {
    const { study, real } = await scene(['adler', 'birch', 'cedar', 'dogwood'], []);
    await collectUpdates(study, { round: 1 });
    await cutOff(real.slice(2));
    await closeCollection(study);
    await until(() => acknowledged(study) === 2);
    for (let times = 1; times <= 3; times++) {
      const deadline = await study.enclave.handle({ type: 'close-acknowledgement', at: START });
      expect(deadline).toMatchObject({ ok: false, error: { code: 'E-ACKS-MISSING' } });
    }
    const { state } = study.enclave;
    if (state.phase !== 'committed') throw new Error(state.phase);
    const sent = Buffer.concat((await statedBy(study)).map(({ bytes }) => bytes));
    expect(sent.includes(Buffer.from(state.result.model.digest))).toBe(false);
    for (const site of real) expect(site.agent.state.model.round).toBe(0);
    study.connect(real.slice(2));
    await until(() => real.every(({ agent }) => agent.state.model.round === 1));
  });

  it('of phantoms in place of those that were withheld: the passport verifies for no hospital', async () => {
    const { study, victim, real, ghosts } = await scene(['adler', 'birch', 'cedar'], GHOSTS);
    await collectUpdates(study, { round: 1 });
    await cutOff(real.filter((site) => site !== victim));
    await closeCollection(study);
    await until(() => acknowledged(study) === 1 + ghosts.length);
    // More than n − k_min organisations, as far as the enclave can know.
    await study.command({ type: 'close-acknowledgement', at: START });
    expect(phaseOf(study)).toBe('released');
    await until(() => victim.ended && ghosts.every(({ agent }) => agent.state.model.round === 1));
    expect(victim.endings.map(({ code }) => code)).toContain('E-RELEASE-INVALID');
    expect(victim.agent.state.model.round).toBe(0);

    const bundle = ghosts[0]?.passports.get(1) ?? new Uint8Array();
    const report = verifiedBy(['adler', 'birch', 'cedar'], bundle);
    expect(failedChecks(report)).toEqual(['acknowledgements']);
    expect(report.checks.find(({ name }) => name === 'acknowledgements')?.detail).toMatch(
      /^E-ACKS-MISSING.*of confirmed hospitals; got 1, want at least 3/,
    );
    // Whoever believes in phantoms believes in their acknowledgements.
    expect(
      failedChecks(
        verifiedBy(
          [...real, ...ghosts].map(({ id }) => id),
          bundle,
        ),
      ),
    ).toEqual([]);
  });
});
