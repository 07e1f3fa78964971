import { afterEach, describe, expect, it } from 'vitest';
import { openAcknowledgement } from '../../lib/audit/acknowledgement.ts';
import { openCommit } from '../../lib/audit/commit.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { openStatementAs, type Intent } from '../../lib/audit/statement.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { sealContract, type SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import { FrameFaults } from '../support/faulty-duplex.ts';
import {
  closeCollection,
  collectUpdates,
  cutOff,
  openRound,
  phaseOf,
  runRound,
  until,
} from '../support/round-in-process.ts';
import { statedBy, storedBy } from '../support/study-logs.ts';
import { must } from '../support/study-in-memory.ts';
import { StudyInProcess, type DuplexPair, type SiteInProcess } from '../support/study-in-process.ts';
import { HOSPITALS, START, testContract } from '../support/test-contract.ts';

const everybody = testContract({ kMin: HOSPITALS.length });
const threeOfFour = testContract();
const running: StudyInProcess[] = [];
afterEach(() => {
  for (const study of running.splice(0)) study.stop();
});

interface Cast {
  readonly study: StudyInProcess;
  /** Whom the test is about; the others are three. */
  readonly one: SiteInProcess;
  readonly others: readonly SiteInProcess[];
}

async function cast(sealed: SealedContract): Promise<Cast> {
  const study = await StudyInProcess.start(sealed);
  running.push(study);
  const [one, ...others] = study.sites;
  if (one === undefined) throw new Error('no sites');
  return { study, one, others };
}

const activityOf = ({ agent }: SiteInProcess): string => agent.state.activity.phase;
const accepted = ({ enclave: { state } }: StudyInProcess): number =>
  state.phase === 'collecting' ? state.accepted.size : 0;
const acknowledged = ({ enclave: { state } }: StudyInProcess): number =>
  state.phase === 'committed' ? state.acknowledgements.size : 0;
const codesOf = ({ refusals }: SiteInProcess): string[] => refusals.map(({ code }) => code);
const spentOf = ({ agent }: SiteInProcess): string[] => [...agent.state.spent.values()].map(toHex);

const debitsOf = (study: StudyInProcess, site: SiteInProcess): string[] =>
  storedBy(study, site).flatMap((event) => (event.type === 'debited' ? [toHex(event.commit)] : []));
/** The commitments that this hospital ever announced, in order. */
const announcedBy = (study: StudyInProcess, site: SiteInProcess): string[] =>
  storedBy(study, site).flatMap((event) => (event.type === 'update-ready' ? [toHex(event.header.commit)] : []));

function membersOf(study: StudyInProcess): Intent['members'] {
  const { state } = study.enclave;
  if (state.phase !== 'released' || state.ledger.latest === null) throw new Error(`the enclave is ${state.phase}`);
  return state.ledger.latest.intent.statement.members;
}
const idsOf = (sites: readonly SiteInProcess[]): string[] => sites.map(({ id }) => id);
const abortsOf = async (study: StudyInProcess): Promise<string[]> =>
  (await statedBy(study)).flatMap(({ statement }) => (statement.type === 'abort' ? [statement.code] : []));

describe('PROTOCOL §7.2–7.8: a deadline in each phase', () => {
  it('commits: too few end the attempt, and nobody has trained or spent anything', async () => {
    const { study, others } = await cast(threeOfFour);
    const [first, second] = others;
    if (first === undefined || second === undefined) throw new Error('three');
    study.connect([first, second]);
    await openRound(study, { round: 1, sites: [first, second] });
    await study.command({ type: 'lock-cohort', at: START });
    expect(await abortsOf(study)).toEqual(['E-COHORT-TOO-SMALL']);
    await until(() => activityOf(first) === 'waiting' && activityOf(second) === 'waiting');
    expect(study.sites.flatMap(({ trained }) => trained)).toEqual([]);
    expect(study.sites.flatMap((site) => debitsOf(study, site))).toEqual([]);
    study.connect(study.sites.filter((site) => site !== first && site !== second));
    await runRound(study, { round: 1, attempt: 2 });
    for (const site of study.sites) expect(debitsOf(study, site)).toHaveLength(1);
  });

  it('commits: one that comes after the certificate is refused by name, and joins the next round', async () => {
    const { study, one, others } = await cast(threeOfFour);
    study.connect(others);
    await openRound(study, { round: 1, sites: others });
    for (const site of others) site.hold();
    await study.command({ type: 'lock-cohort', at: START });
    study.connect([one]);
    await until(() => codesOf(one).includes('E-ROUND-PHASE'));
    for (const site of others) site.letGo();
    await until(() => accepted(study) === others.length);
    await closeCollection(study);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(one.trained).toEqual([]);
    expect(debitsOf(study, one)).toEqual([]);
    await runRound(study, { round: 2 });
    expect(membersOf(study).map(({ organisation }) => organisation)).toEqual(idsOf(study.sites));
  });

  it('updates: too few end the attempt; who had sent sends the same bytes again, who had not trains once', async () => {
    const { study, one, others } = await cast(everybody);
    study.connect();
    await openRound(study, { round: 1 });
    one.hold();
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === others.length);
    await closeCollection(study);
    expect(await abortsOf(study)).toEqual(['E-COHORT-TOO-SMALL']);
    await until(() => study.sites.every((site) => activityOf(site) === 'waiting'));
    expect(debitsOf(study, one)).toEqual([]);
    // Its training ends when nobody waits for it: the update stays at home until it is asked for.
    one.letGo();
    await runRound(study, { round: 1, attempt: 2 });
    for (const site of study.sites) {
      expect(site.trained).toEqual([1]);
      expect(debitsOf(study, site)).toEqual(spentOf(site));
      expect(new Set(announcedBy(study, site))).toEqual(new Set(spentOf(site)));
    }
    expect(membersOf(study).map(({ commit }) => toHex(commit))).toEqual(study.sites.flatMap(spentOf));
  });

  it('updates: one that comes behind the Intent is refused by name and stays out; its debit stands', async () => {
    const { study, one, others } = await cast(threeOfFour);
    study.connect();
    await openRound(study, { round: 1 });
    one.hold();
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === others.length);
    const [absent, ...here] = others;
    if (absent === undefined) throw new Error('three');
    await cutOff([absent]);
    await closeCollection(study);
    await until(() => acknowledged(study) === here.length);
    one.letGo();
    await until(() => codesOf(one).includes('E-ROUND-PHASE'));
    expect(acknowledged(study)).toBe(here.length);
    study.connect([absent]);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(membersOf(study).map(({ organisation }) => organisation)).toEqual(idsOf(others));
    expect(debitsOf(study, one)).toEqual(spentOf(one));
    await runRound(study, { round: 2 });
    for (const site of study.sites) expect(debitsOf(study, site)).toHaveLength(2);
  });

  it('acknowledgements: too few keep the result sealed; whoever comes back acknowledges it, and no other is made', async () => {
    const { study, one, others } = await cast(everybody);
    study.connect();
    await collectUpdates(study, { round: 1 });
    await cutOff([one]);
    await closeCollection(study);
    await until(() => acknowledged(study) === others.length);
    const late = await study.enclave.handle({ type: 'close-acknowledgement', at: START });
    expect(late).toMatchObject({ ok: false, error: { code: 'E-ACKS-MISSING' } });
    const again = await study.enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 2 });
    expect(again).toMatchObject({ ok: false, error: { code: 'E-ROUND-SEALED' } });
    study.connect([one]);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(await abortsOf(study)).toEqual([]);
    for (const site of study.sites) expect(debitsOf(study, site)).toHaveLength(1);
  });

  it('any number of attempts at one parent is one training, one debit and one commitment', async () => {
    const { study } = await cast(everybody);
    study.connect();
    for (const attempt of [1, 2, 3]) {
      await collectUpdates(study, { round: 1, attempt });
      await study.command({ type: 'abort-round', at: START });
      await until(() => study.sites.every((site) => activityOf(site) === 'waiting'));
    }
    await runRound(study, { round: 1, attempt: 4 });
    for (const site of study.sites) {
      expect(site.trained).toEqual([1]);
      expect(debitsOf(study, site)).toEqual(spentOf(site));
      expect(announcedBy(study, site)).toEqual(new Array(4).fill(spentOf(site)[0]));
    }
  });
});

/** A model whose update does not fit one frame. */
function largeContract(kMin: number): SealedContract {
  const { contract } = testContract({ kMin });
  const spec = {
    ...contract.model.spec,
    layers: [
      { units: 16_000, activation: 'relu' as const },
      { units: 4, activation: 'relu' as const },
      { units: 1, activation: 'sigmoid' as const },
    ],
  };
  const layout = layoutOf(spec);
  const model = {
    spec,
    layoutDigest: layout.digest,
    initialDigest: modelDigest(layout.digest, initialWeights(spec)),
  };
  return must(sealContract({ ...contract, model }));
}

describe('PROTOCOL §4.2, §7.5: a hospital that drops out in the middle of its upload', () => {
  /** Behind handshake (4), sync, commit and header come the fragments of the update: the line breaks after the first. */
  const cutWithinUpdate = (): ((site: SiteInProcess) => DuplexPair) => {
    const faults = new FrameFaults('cut', 8);
    return () => {
      const { site, enclave } = duplexPair();
      return { site: faults.wrap(site), enclave };
    };
  };

  it('comes back in time: the same bytes, whole, and nothing twice', async () => {
    const { study, one, others } = await cast(largeContract(4));
    study.connect(others);
    study.connect([one], cutWithinUpdate());
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === others.length && one.ended);
    expect(one.endings.map(({ code }) => code)).toContain('E-CHANNEL-TRUNCATED');
    expect(debitsOf(study, one)).toHaveLength(1);
    study.connect([one]);
    await until(() => accepted(study) === 4);
    await closeCollection(study);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(one.trained).toEqual([1]);
    expect(debitsOf(study, one)).toEqual(spentOf(one));
  });

  it('comes back too late: the round went on without it, and half an update is in no sum', async () => {
    const { study, one, others } = await cast(largeContract(3));
    study.connect(others);
    study.connect([one], cutWithinUpdate());
    await openRound(study, { round: 1 });
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => accepted(study) === others.length && one.ended);
    await closeCollection(study);
    await until(() => others.every(({ agent }) => agent.state.model.round === 1));
    expect(membersOf(study).map(({ organisation }) => organisation)).toEqual(idsOf(others));
    study.connect([one]);
    await until(() => one.agent.state.model.round === 1);
    await runRound(study, { round: 2 });
    expect(one.trained).toEqual([1, 2]);
    expect(debitsOf(study, one)).toHaveLength(2);
  });
});

describe('PROTOCOL §7.3, §7.6: a hospital whose agent restarts with a new boot key', () => {
  /** Nothing that the hospital says arrives once it has got as far as `phase`. */
  const muteFrom =
    (phase: string) =>
    (site: SiteInProcess): DuplexPair =>
      duplexPair({ toEnclave: (frame) => (activityOf(site) === phase ? [] : [frame]) });

  /** Runs a round in which adler's agent is started anew when `reached`; the key of its second boot is another one. */
  async function restartedWhen(
    reached: (site: SiteInProcess) => boolean,
    { lay, held = false }: { lay?: (site: SiteInProcess) => DuplexPair; held?: boolean } = {},
  ): Promise<{ study: StudyInProcess; fresh: SiteInProcess; before: SiteInProcess }> {
    const { study, one: before, others } = await cast(everybody);
    study.connect(others);
    study.connect([before], lay);
    if (held) before.hold();
    await study.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    let fresh = before;
    let phase = '';
    const restart = async (): Promise<void> => {
      await cutOff([before]);
      fresh = await study.restartSite(before.id);
      study.connect([fresh]);
    };
    const waitFor = async (condition: () => boolean): Promise<void> => {
      await until(() => condition() || (fresh === before && reached(before)));
      if (fresh === before && reached(before)) {
        phase = activityOf(before);
        await restart();
        await until(condition);
      }
    };
    await waitFor(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === 4);
    await study.command({ type: 'lock-cohort', at: START });
    await waitFor(() => accepted(study) === 4);
    await closeCollection(study);
    await waitFor(() => phaseOf(study) === 'released');
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    expect(fresh, `never restarted, last seen ${phase}`).not.toBe(before);
    expect(codesOf(fresh)).toEqual([]);
    expect(debitsOf(study, fresh)).toEqual(spentOf(fresh));
    expect(membersOf(study).map(({ commit }) => toHex(commit))).toContain(spentOf(fresh)[0]);
    return { study, fresh, before };
  }

  /** Boot keys behind the commit and the acknowledgement of `site` in the passport of the round. */
  function keysOf({ passports, id }: SiteInProcess): { commit: string; acknowledgement: string } {
    const bundle = must(decodeBundle(passports.get(1) ?? new Uint8Array()));
    const { members } = must(openStatementAs(bundle.certificate, 'certificate', 'E-PASSPORT-INVALID')).statement;
    const member = members.find(({ organisation }) => organisation === id);
    const commit = must(openCommit(member?.commit ?? new Uint8Array())).document;
    const acknowledgements = bundle.acknowledgements
      .map(({ acknowledgement }) => must(openAcknowledgement(acknowledgement)).document)
      .filter(({ organisation }) => organisation === id);
    expect(acknowledgements).toHaveLength(1);
    return { commit: toHex(commit.bootKey), acknowledgement: toHex(acknowledgements[0]?.bootKey ?? new Uint8Array()) };
  }

  it('before it committed: everything under the new key', async () => {
    const { fresh } = await restartedWhen((site) => activityOf(site) === 'waiting');
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).toBe(acknowledgement);
  });

  it('committed: the commit under the old key stays valid, the acknowledgement is under the new one', async () => {
    const { fresh } = await restartedWhen((site) => activityOf(site) === 'committed');
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).not.toBe(acknowledgement);
  });

  it('committed, and the commit had not arrived: it is sent again as it was', async () => {
    const { fresh } = await restartedWhen((site) => activityOf(site) === 'committed', { lay: muteFrom('committed') });
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).not.toBe(acknowledgement);
  });

  it('training: it trains again, for nothing had left, and debits once', async () => {
    const { fresh, before } = await restartedWhen((site) => activityOf(site) === 'training', { held: true });
    expect([before.trained, fresh.trained]).toEqual([[1], [1]]);
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).not.toBe(acknowledgement);
  });

  it('uploading: the stored bytes are sent again, not trained again', async () => {
    const { fresh, before } = await restartedWhen((site) => activityOf(site) === 'uploading', {
      lay: muteFrom('uploading'),
    });
    expect([before.trained, fresh.trained]).toEqual([[1], []]);
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).not.toBe(acknowledgement);
  });

  it('acknowledged, and the acknowledgement had not arrived: it is signed again with the new key', async () => {
    const { fresh, before } = await restartedWhen((site) => activityOf(site) === 'acknowledged', {
      lay: muteFrom('acknowledged'),
    });
    expect([before.trained, fresh.trained]).toEqual([[1], []]);
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).not.toBe(acknowledgement);
    expect(storedBy(running[0] as StudyInProcess, fresh).filter(({ type }) => type === 'acknowledged')).toHaveLength(1);
  });

  it('acknowledged, and it had arrived: the enclave keeps the first', async () => {
    const { study, one, others } = await cast(everybody);
    study.connect();
    const [absent] = others;
    if (absent === undefined) throw new Error('three');
    await collectUpdates(study, { round: 1 });
    await cutOff([absent]);
    await closeCollection(study);
    await until(() => acknowledged(study) === 3);
    await cutOff([one]);
    const fresh = await study.restartSite(one.id);
    study.connect([fresh]);
    study.connect([absent]);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 1));
    const { commit, acknowledgement } = keysOf(fresh);
    expect(commit).toBe(acknowledgement);
  });
});
