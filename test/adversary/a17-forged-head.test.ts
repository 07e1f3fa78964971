import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReportData } from '../../lib/attestation/report-data.ts';
import { encodePublication, type Publication } from '../../lib/audit/passport-bundle.ts';
import {
  decodeSiteMessage,
  encodeMessage,
  type EnclaveMessage,
  type SiteMessage,
} from '../../lib/audit/session-message.ts';
import { headOf, openStatement, type SignedStatement } from '../../lib/audit/statement.ts';
import { NOTHING_SEEN } from '../../lib/audit/chain.ts';
import type { Head } from '../../lib/contract/shapes.ts';
import { signDocument } from '../../lib/contract/signed-document.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import type { ErrorCode } from '../../lib/core/errors.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { createMemoryDisk } from '../../lib/store/memory.ts';
import type { EnclaveLink } from '../../site-agent/agent.ts';
import { HostileSite } from '../support/hostile-site.ts';
import { closeCollection, copyOf, cutOff, openRound, phaseOf, runRound, until } from '../support/round-in-process.ts';
import { must } from '../support/study-in-memory.ts';
import {
  chipOf,
  enclaveProgram,
  StudyInProcess,
  untrustedChip,
  type SiteInProcess,
} from '../support/study-in-process.ts';
import { digestOf, START, testContract } from '../support/test-contract.ts';

/**
 * PROTOCOL §8, A17: one member of the study wants to halt it by claiming that it has seen something newer. Its session
 * is attested and its hospital approved; what it says in it is its own. Real enclave core, real agents of the others.
 */
const contract = testContract();
const RESTING = organisationId('dogwood');
const running: StudyInProcess[] = [];

afterAll(() => {
  for (const study of running) study.stop();
});

function kept(study: StudyInProcess): StudyInProcess {
  running.push(study);
  return study;
}

type Proof = Extract<SiteMessage, { type: 'head-proof' }>;

interface Shown {
  readonly head: Head;
  readonly proof: Proof;
}

function newestOf({ enclave: { state } }: StudyInProcess): { statement: SignedStatement; publication: Publication } {
  if (state.phase === 'unborn') throw new Error('no genesis');
  const statement = state.ledger.recent.at(-1);
  const publication = state.ledger.publications.at(-1);
  if (statement === undefined || publication === undefined) throw new Error('no statement');
  return { statement, publication };
}

/** What a site would show that had followed `study`. */
function shownBy(study: StudyInProcess): Shown {
  const { statement, publication } = newestOf(study);
  return {
    head: headOf(statement),
    proof: { type: 'head-proof', statement: statement.bytes, publication: encodePublication(publication) },
  };
}

const garbage: Proof = {
  type: 'head-proof',
  statement: digestOf('noise'),
  publication: Uint8Array.of(0xff, 0, 7),
};

interface Stage {
  readonly study: StudyInProcess;
  readonly honest: readonly SiteInProcess[];
}

/** A study behind its first round, whose second round is open: three hospitals have committed, one is the attacker. */
async function underAttack(): Promise<Stage> {
  const study = kept(await StudyInProcess.start(contract));
  study.connect();
  await runRound(study, { round: 1 });
  const resting = study.sites.filter(({ id }) => id === RESTING);
  await cutOff(resting);
  const honest = study.sites.filter(({ id }) => id !== RESTING);
  await openRound(study, { round: 2, sites: honest });
  return { study, honest };
}

/** Another enclave with this one's state, one statement further; `chip`: what its evidence comes from. */
async function twinOf(study: StudyInProcess, chip = chipOf('chip-enclave')): Promise<StudyInProcess> {
  const twin = kept(await study.from(copyOf(study.disk), { attester: chip.attesterFor(enclaveProgram) }));
  await twin.command({ type: 'open-round', at: START, round: 2, attempt: 9 });
  return twin;
}

/** What stands when the attacker is gone: the others' round is released. */
async function goesOn(study: StudyInProcess, honest: readonly SiteInProcess[]): Promise<void> {
  await study.command({ type: 'lock-cohort', at: START });
  await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === honest.length);
  await closeCollection(study);
  await until(() => phaseOf(study) === 'released' && honest.every(({ agent }) => agent.state.model.round === 2));
}

type Play = (study: StudyInProcess) => Promise<Shown>;
const random = (counter: number): Head => ({ counter, digest: digestOf(`nothing at ${counter}`) });

/** Names a head and shows what it has; in each case something is missing to a proof. */
const PLAYS: readonly (readonly [string, string, Play])[] = [
  ['(10^9, random) and noise', 'not a signed one', async () => ({ head: random(10 ** 9), proof: garbage })],
  ['a place of the past, random, and noise', 'not a signed one', async () => ({ head: random(2), proof: garbage })],
  [
    'another statement than the head that it named',
    'than the head it named',
    async (study) => ({ ...shownBy(await twinOf(study)), head: random(10 ** 9) }),
  ],
  [
    'a true statement of this chain for a head that is not',
    'than the head it named',
    async (study) => ({ ...shownBy(study), head: random(10 ** 9) }),
  ],
  [
    'a boot without its publication: of the enclave itself',
    'another boot key',
    async (study) => {
      const { head, proof } = shownBy(await twinOf(study));
      return { head, proof: { ...proof, publication: encodePublication(newestOf(study).publication) } };
    },
  ],
  [
    'an enclave of its own, born under the same contract',
    'another genesis',
    async (study) => {
      const own = kept(await study.from(createMemoryDisk()));
      await own.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
      return shownBy(own);
    },
  ],
  [
    'an enclave of another study',
    'another contract',
    async () => shownBy(kept(await StudyInProcess.start(testContract({ rounds: 9 })))),
  ],
  [
    'an enclave with this state on a machine that no vendor knows',
    'E-ATTEST-',
    async (study) => shownBy(await twinOf(study, untrustedChip())),
  ],
];

/** What is said in a session whose evidence names `head`, and what it ends with (PROTOCOL §7.10). */
interface Case {
  readonly head: Head;
  readonly says: readonly SiteMessage[];
  readonly ends: ErrorCode;
}
const far = random(10 ** 9);
const sync: SiteMessage = { type: 'sync', head: far, round: 1 };
const commit: SiteMessage = { type: 'commit', commit: encodeCbor('c'), endorsement: encodeCbor('e') };
const CASES: readonly (readonly [string, Case])[] = [
  ['a proof that nobody asked for', { head: NOTHING_SEEN, says: [garbage], ends: 'E-HEAD-UNPROVEN' }],
  [
    'a proof behind an honest sync',
    { head: NOTHING_SEEN, says: [{ type: 'sync', head: null, round: 1 }, garbage], ends: 'E-HEAD-UNPROVEN' },
  ],
  ['a second sync instead of a proof', { head: far, says: [sync, sync], ends: 'E-CHANNEL-STATE' }],
  [
    'a second sync that forgets the first',
    { head: far, says: [sync, { type: 'sync', head: null, round: 1 }], ends: 'E-CHANNEL-STATE' },
  ],
  ['another head than in its evidence', { head: NOTHING_SEEN, says: [sync], ends: 'E-HEAD-UNPROVEN' }],
  [
    'a head in its evidence, none in its sync',
    { head: far, says: [{ type: 'sync', head: null, round: 1 }], ends: 'E-HEAD-UNPROVEN' },
  ],
  [
    'anything else, again and again',
    { head: far, says: [sync, ...Array.from({ length: 33 }, () => commit)], ends: 'E-HEAD-UNPROVEN' },
  ],
];

describe('PROTOCOL §8 A17: heads that cannot be proven, one after the other, in a round of the others', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await underAttack();
  });

  it.each(PLAYS)('%s', async (_, why, play) => {
    const { study } = stage;
    const { head, proof } = await play(study);
    const before = study.enclave.state;
    const attacker = await HostileSite.join(study, RESTING, head);
    await attacker.say({ type: 'sync', head, round: 1 });
    expect(await attacker.hear()).toEqual({ type: 'prove-head' });
    await attacker.say(proof);
    const [last, ...others] = (await attacker.listen()).slice(1);
    expect(others).toEqual([]);
    expect(last).toMatchObject({ type: 'refused', code: 'E-HEAD-UNPROVEN' });
    await until(() => attacker.ended !== undefined);
    expect(attacker.ended?.code).toBe('E-HEAD-UNPROVEN');
    expect(attacker.ended?.detail).toContain(why);
    expect(attacker.told).toEqual([attacker.ended]);
    expect(study.enclave.state).toBe(before);
  });

  it('signed by itself, with the evidence of its own machine', async () => {
    const { study } = stage;
    const { statement, publication } = newestOf(study);
    const attacker = await HostileSite.join(study, RESTING, random(4));
    const { signer } = attacker;
    const forged = { ...statement.statement, counter: statement.statement.counter + 7, bootKey: signer.publicKey };
    const opened = must(openStatement(signDocument('statement', forged, signer)));
    await attacker.leave();
    // Its chip tells what it is: a site.
    const vouched = {
      bootKey: signer.publicKey,
      contractDigest: contract.digest,
      genesisDigest: publication.genesis,
      headDigest: publication.head.digest,
    };
    const chip = chipOf(`chip-${RESTING}`).attesterFor({ measurement: digestOf('program'), role: 'site' });
    const evidence = await chip.attest(ReportData.ofPublication(vouched));
    const proof: Proof = {
      type: 'head-proof',
      statement: opened.bytes,
      publication: encodePublication({ ...publication, bootKey: signer.publicKey, evidence }),
    };
    const before = study.enclave.state;
    const again = await HostileSite.join(study, RESTING, headOf(opened));
    await again.say({ type: 'sync', head: headOf(opened), round: 1 }, proof);
    await again.listen();
    await until(() => again.ended !== undefined);
    expect(again.ended?.code).toBe('E-HEAD-UNPROVEN');
    expect(again.ended?.detail).toContain('E-ATTEST-ROLE');
    expect(study.enclave.state).toBe(before);
  });

  it.each(CASES)('%s ends the session', async (_, { head, says, ends }) => {
    const { study } = stage;
    const before = study.enclave.state;
    const attacker = await HostileSite.join(study, RESTING, head);
    await attacker.say(...says).catch(() => undefined);
    await attacker.listen();
    await until(() => attacker.ended !== undefined);
    expect(attacker.ended?.code).toBe(ends);
    expect(attacker.heard.some(({ type }) => type === 'received')).toBe(false);
    expect(study.enclave.state).toBe(before);
  });

  it('nothing is served in such a session, and after all of them the round of the others is released', async () => {
    const { study, honest } = stage;
    const attacker = await HostileSite.join(study, RESTING, far);
    await attacker.say(sync, commit);
    expect(await attacker.hear()).toEqual({ type: 'prove-head' });
    expect(await attacker.hear()).toMatchObject({ type: 'refused', code: 'E-HEAD-UNPROVEN' });
    await goesOn(study, honest);
    await attacker.leave();
    expect(await attacker.listen()).toHaveLength(2);
    await until(() => attacker.ended !== undefined);
    expect(attacker.ended).toBeNull();
  });
});

describe('PROTOCOL §7: a head that is proven', () => {
  it('a true proof halts, whoever shows it: only an enclave with this state can have made it', async () => {
    const { study, honest } = await underAttack();
    const { head, proof } = shownBy(await twinOf(study));
    const attacker = await HostileSite.join(study, RESTING, head);
    await attacker.say({ type: 'sync', head, round: 1 }, proof);
    await until(() => phaseOf(study) === 'halted');
    await until(() => honest.every(({ ended }) => ended));
  });
});

/** An enclave that says `says` whatever it hears; what it hears goes to `heard`. */
function scripted(says: readonly EnclaveMessage[], heard: SiteMessage[]): EnclaveLink {
  const script = [...says];
  return {
    bootKey: chipOf('any').root,
    send: async (message) => void heard.push(must(decodeSiteMessage(message))),
    next: async () => {
      const message = script.shift();
      return message === undefined ? null : encodeMessage(message);
    },
  };
}

describe('PROTOCOL §7: an enclave that asks a hospital for proof without need', () => {
  it('learns what everybody in the study knows, once in a session', async () => {
    const { study, honest } = await underAttack();
    const [site] = honest;
    if (site === undefined) throw new Error('no site');
    const { newest, publications } = site.agent.state;
    const sent: SiteMessage[] = [];
    const asks = [{ type: 'prove-head' }, { type: 'prove-head' }] as const;
    await cutOff([site]);
    const refused = await site.agent.serve(scripted(asks, sent)).catch((fault: unknown) => fault);
    expect(refused).toMatchObject({ refusals: [{ code: 'E-CHANNEL-STATE' }] });
    await until(() => sent.some(({ type }) => type === 'head-proof'));
    const proofs = sent.filter(({ type }) => type === 'head-proof');
    const [publication] = [...publications.values()];
    if (newest === null || publication === undefined) throw new Error('nothing seen');
    expect(proofs).toEqual([
      { type: 'head-proof', statement: newest.bytes, publication: encodePublication(publication) },
    ]);
    study.connect([site]);
    await goesOn(study, honest);
  });

  it('is told apart from one that served: the hospital does not dial it again at once', async () => {
    const study = kept(await StudyInProcess.start(contract));
    study.connect();
    const [site] = study.sites;
    if (site === undefined) throw new Error('no site');
    await until(() => site.agent.state.chain.length === 1);
    await cutOff([site]);
    const ended = await site.agent.serve(scripted([{ type: 'prove-head' }], [])).catch((fault: unknown) => fault);
    expect(ended).toMatchObject({ refusals: [{ code: 'E-HEAD-UNPROVEN' }] });
    expect(site.asked).toEqual([0]);
  });

  it('ends the session of one that has seen nothing', async () => {
    const study = kept(await StudyInProcess.start(contract));
    const [site] = study.sites;
    if (site === undefined) throw new Error('no site');
    const refused = await site.agent.serve(scripted([{ type: 'prove-head' }], [])).catch((fault: unknown) => fault);
    expect(refused).toMatchObject({ refusals: [{ code: 'E-HEAD-UNPROVEN' }] });
  });
});
