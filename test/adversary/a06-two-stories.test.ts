// PROTOCOL §8 A6: different manifests or models to different hospitals.
import { afterEach, describe, expect, it } from 'vitest';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { decodeBundle, encodeBundle, encodePublication, type PassportBundle } from '../../lib/audit/passport-bundle.ts';
import { resultCommitment, verifyPassport } from '../../lib/audit/passport.ts';
import { setRoot } from '../../lib/audit/set-root.ts';
import {
  headOf,
  issueStatement,
  narrowStatement,
  type CohortMember,
  type Intent,
  type Manifest,
  type Release,
  type SignedStatement,
} from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { signerFromSeed, type Signer } from '../../lib/core/ed25519.ts';
import { instant } from '../../lib/core/ids.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { encodeWeights, modelDigest } from '../../lib/learning/weights.ts';
import { LyingEnclave } from '../support/lying-enclave.ts';
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
import { seenBy, storedBy } from '../support/study-logs.ts';
import { must } from '../support/study-in-memory.ts';
import {
  enclaveProgram,
  simulatedVerifiers,
  StudyInProcess,
  untrustedChip,
  type SiteInProcess,
} from '../support/study-in-process.ts';
import { digestOf, START, testApproval, testContract } from '../support/test-contract.ts';

const contract = testContract();
const running: StudyInProcess[] = [];
afterEach(() => {
  for (const study of running.splice(0)) study.stop();
});

interface Scene {
  readonly study: StudyInProcess;
  readonly one: SiteInProcess;
  readonly others: readonly SiteInProcess[];
  /** `BOOT_E` of an earlier boot, which every hospital here once accepted evidence for: stolen. */
  readonly stolen: Signer;
}

/** One round is released to everybody; then the enclave was started again and everybody has met its new boot. */
async function afterOneRound(): Promise<Scene> {
  const study = await StudyInProcess.start(contract);
  running.push(study);
  study.connect();
  await runRound(study, { round: 1 });
  const stolen = study.enclave.environment.signer;
  await cutOff(study.sites);
  await study.restartEnclave();
  study.connect();
  await until(() => study.sites.every((site) => trusts(site, bootKeyOf(study))));
  return { study, stolen, ...castOf(study) };
}

function castOf({ sites }: StudyInProcess): Pick<Scene, 'one' | 'others'> {
  const [one, ...others] = sites;
  if (one === undefined) throw new Error('no sites');
  return { one, others };
}

const bootKeyOf = ({ enclave }: StudyInProcess) => enclave.environment.signer.publicKey;
const trusts = ({ agent }: SiteInProcess, key: Uint8Array): boolean =>
  agent.state.trustedBootKeys.some((known) => toHex(known) === toHex(key));
const lieTo = (study: StudyInProcess, site: SiteInProcess): LyingEnclave => new LyingEnclave(site, bootKeyOf(study));
const headSeenBy = (study: StudyInProcess, site: SiteInProcess): SignedStatement => {
  const newest = seenBy(study, site).at(-1);
  if (newest === undefined) throw new Error('nothing seen');
  return newest;
};

type ManifestFields = Partial<Pick<Manifest, 'round' | 'attempt' | 'parent' | 'contract'>>;
/** A manifest for the second round as the stolen key would sign it, linked from what `site` saw last. */
function forgedManifest({ study, one, stolen }: Scene, change: ManifestFields = {}, signer = stolen) {
  const draft = {
    type: 'manifest',
    contract: study.sealed.digest,
    at: START,
    round: 2,
    attempt: 1,
    parent: one.agent.state.released.digest,
    privacy: study.sealed.contract.privacy,
    ledger: null,
    commitBy: instant(START + 5_000),
    ...change,
  } as const;
  return issueStatement(draft, headOf(headSeenBy(study, one)), signer);
}

/** What no lie may bring about, whoever it was told to. */
function nobodyWasFooled(study: StudyInProcess): void {
  const models = new Map<number, Set<string>>();
  for (const site of study.sites) {
    const { model } = site.agent.state;
    models.set(model.round, (models.get(model.round) ?? new Set()).add(toHex(model.digest)));
    const onChain = new Set([toHex(study.sealed.contract.model.initialDigest)]);
    for (const event of storedBy(study, site)) {
      if (event.type === 'statement-seen' && event.statement.statement.type === 'release')
        onChain.add(toHex(event.statement.statement.child));
      if (event.type === 'debited')
        expect(onChain, 'an update of a model off its chain').toContain(toHex(event.parent));
    }
  }
  for (const [round, digests] of models) expect(digests.size, `models of round ${round}`).toBe(1);
}

const codeOf = (ended: { readonly code: string } | null): string | null => ended?.code ?? null;

describe('A6 different manifests, behind accepted evidence and with a stolen boot key', () => {
  it('half of the hospitals on each of two: neither half is a cohort, and their commits do not mix', async () => {
    const scene = await afterOneRound();
    const { study } = scene;
    await cutOff(study.sites);
    const [left, right] = [forgedManifest(scene), forgedManifest(scene, { attempt: 2 })];
    const liars = study.sites.map((site, index) => lieTo(study, site).state(index < 2 ? left : right));
    const members: CohortMember[] = [];
    for (const [index, liar] of liars.entries()) {
      const { commit, endorsement } = await liar.heard('commit');
      const { id } = study.sites[index] as SiteInProcess;
      members.push({ organisation: id, commit, endorsement, approval: testApproval(study.sealed, id) });
    }
    const certify = (manifest: SignedStatement<Manifest>, chosen: CohortMember[]): SignedStatement => {
      const { round, attempt } = manifest.statement;
      const draft = { contract: study.sealed.digest, at: START, round, attempt, manifest: manifest.digest } as const;
      return issueStatement({ type: 'certificate', ...draft, members: chosen }, headOf(manifest), scene.stolen);
    };
    const [adler, birch, cedar, dogwood] = liars;
    adler?.state(certify(left, members.slice(0, 2)));
    birch?.state(certify(left, members));
    cedar?.state(certify(right, members.slice(2)));
    dogwood?.state(certify(right, members));
    for (const liar of liars) expect(await liar.leave()).toBeNull();
    const reasons = study.sites.map(({ refusals }) => refusals.at(-1)?.code);
    expect(reasons).toEqual(['E-COHORT-UNCONFIRMED', 'E-COHORT-COMMIT', 'E-COHORT-UNCONFIRMED', 'E-COHORT-COMMIT']);
    expect(study.sites.map(({ trained }) => trained)).toEqual([[1], [1], [1], [1]]);
    nobodyWasFooled(study);
  });

  it('a second manifest for a place that is taken is refused; the hospital stays with the first', async () => {
    const scene = await afterOneRound();
    const { study, one } = scene;
    const forged = forgedManifest(scene, { attempt: 7 });
    await openRound(study, { round: 2 });
    await cutOff([one]);
    const before = one.agent.state;
    const liar = lieTo(study, one).state(forged);
    expect(await liar.leave()).toMatchObject({ code: 'E-STATEMENT-CHAIN', detail: /two statements for one place/ });
    expect(one.agent.state).toEqual(before);
    study.connect([one]);
    await study.command({ type: 'lock-cohort', at: START });
    await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === 4);
    await closeCollection(study);
    await until(() => study.sites.every(({ agent }) => agent.state.model.round === 2));
    nobodyWasFooled(study);
  });

  const LIES: readonly (readonly [string, (scene: Scene) => SignedStatement, string])[] = [
    [
      'on the model before the newest',
      (scene) => forgedManifest(scene, { round: 1, parent: contract.contract.model.initialDigest }),
      'E-PARENT-REUSED',
    ],
    [
      'on a model that nobody released',
      (scene) => forgedManifest(scene, { parent: digestOf('other') }),
      'E-PARENT-REUSED',
    ],
    ['of a round that is not next', (scene) => forgedManifest(scene, { round: 3 }), 'E-PARENT-REUSED'],
    ['of another study', (scene) => forgedManifest(scene, { contract: digestOf('other') }), 'E-CHANNEL-CONTRACT'],
    [
      'under a key that was never attested',
      (scene) => forgedManifest(scene, {}, signerFromSeed(digestOf('made up'))),
      'E-STATEMENT-SIGNATURE',
    ],
  ];
  it.each(LIES)('a manifest %s is refused by name', async (_, lie, code) => {
    const scene = await afterOneRound();
    const { study, one } = scene;
    await cutOff([one]);
    const before = one.agent.state;
    const liar = lieTo(study, one).state(lie(scene));
    expect(codeOf(await liar.leave())).toBe(code);
    expect(one.agent.state).toEqual(before);
    expect(liar.said.map(({ type }) => type)).toEqual(['sync']);
    study.connect([one]);
    await runRound(study, { round: 2 });
    nobodyWasFooled(study);
  });
});

describe('A6 one hospital’s statements, told to another', () => {
  /** One hospital was away in the first round; the others saw all of it. */
  async function oneAway(): Promise<Scene & { readonly story: readonly SignedStatement[] }> {
    const study = await StudyInProcess.start(contract);
    running.push(study);
    const { one, others } = castOf(study);
    study.connect(others);
    await runRound(study, { round: 1, sites: others });
    const [witness] = others;
    if (witness === undefined) throw new Error('no witness');
    return { study, one, others, stolen: study.enclave.environment.signer, story: seenBy(study, witness) };
  }

  it('with any of them left out, or two exchanged: refused at that place, and nothing behind it is believed', async () => {
    const { study, one, story } = await oneAway();
    const without = (index: number): SignedStatement[] => story.filter((_, other) => other !== index);
    const exchanged = (index: number): SignedStatement[] =>
      story.map(
        (statement, other) =>
          (other === index ? story[index + 1] : other === index + 1 ? story[index] : statement) ?? statement,
      );
    const tales = story.slice(0, -1).flatMap((_, index) => [without(index), exchanged(index)]);
    for (const [index, tale] of tales.entries()) {
      const site = await study.restartSite(one.id);
      const seen = site.agent.state.chain.length;
      const liar = lieTo(study, site).state(...tale);
      const ended = await liar.leave();
      expect(ended, `tale ${index}`).toMatchObject({ code: 'E-STATEMENT-CHAIN' });
      const { chain } = site.agent.state;
      expect(chain.length).toBeGreaterThanOrEqual(seen);
      expect(chain.map(toHex)).toEqual(story.slice(0, chain.length).map(({ digest }) => toHex(digest)));
      expect(site.trained).toEqual([]);
    }
  });

  it('as history with a gap: refused as well', async () => {
    const { study, one, story } = await oneAway();
    const statements = story.filter((_, index) => index !== 2).map(({ bytes }) => bytes);
    const liar = lieTo(study, one).tell({ type: 'history', statements });
    expect(await liar.leave()).toMatchObject({ code: 'E-STATEMENT-CHAIN', detail: 'statement 3: a gap after 1' });
    study.connect([one]);
    await until(() => one.agent.state.model.round === 1);
  });

  it('in order, and each of them three times: believed once', async () => {
    const { study, one, story } = await oneAway();
    const liar = lieTo(study, one).state(...story.flatMap((statement) => [statement, statement, statement]));
    expect(await liar.leave()).toBeNull();
    expect(one.agent.state.chain).toHaveLength(story.length);
  });

  it('of another study, although its enclave was attested here too', async () => {
    const { study, one } = await oneAway();
    const other = await StudyInProcess.start(testContract({ rounds: 9 }));
    running.push(other);
    other.connect();
    await runRound(other, { round: 1 });
    for (const statement of seenBy(other, castOf(other).one)) {
      const liar = lieTo(other, one).state(statement);
      expect(await liar.leave()).toMatchObject({ code: 'E-CHANNEL-CONTRACT' });
    }
    expect(one.agent.state.chain).toEqual([]);
    study.connect([one]);
    await runRound(study, { round: 2 });
    nobodyWasFooled(study);
  });
});

describe('A6 different models', () => {
  const other = (study: StudyInProcess, shift: number): { weights: Uint8Array; digest: Release['child'] } => {
    const layout = layoutOf(study.sealed.contract.model.spec);
    const weights = Float32Array.from({ length: layout.length }, (_, index) => index + shift);
    return { weights: encodeWeights(weights), digest: modelDigest(layout.digest, weights) };
  };
  const bundleOf = ({ passports }: SiteInProcess): PassportBundle =>
    must(decodeBundle([...passports.values()].at(-1) ?? new Uint8Array()));

  it('weights exchanged in the release message: discarded, and the true ones taken from the enclave', async () => {
    const study = await StudyInProcess.start(contract);
    running.push(study);
    const { one, others } = castOf(study);
    study.connect(others);
    await runRound(study, { round: 1, sites: others });
    const [witness] = others;
    if (witness === undefined) throw new Error('no witness');
    const bundle = encodeBundle(bundleOf(witness));
    const weights = encodeWeights((await witness.model()).weights);
    const flipped = weights.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
    const initial = encodeWeights((await one.model()).weights);
    const lies: readonly Uint8Array[] = [flipped, initial, other(study, 0.5).weights];
    for (const lie of lies) {
      const site = await study.restartSite(one.id);
      const liar = lieTo(study, site)
        .state(...seenBy(study, witness))
        .tell({ type: 'release', bundle, weights: lie });
      expect(await liar.leave()).toMatchObject({
        code: 'E-RELEASE-INVALID',
        detail: 'the weights are not those of the passport',
      });
      expect(site.agent.state.model.round).toBe(0);
      expect(site.passports.size).toBe(0);
    }
    study.connect([study.sites.find(({ id }) => id === one.id) as SiteInProcess]);
    await runRound(study, { round: 2 });
    nobodyWasFooled(study);
  });

  /** Everybody has acknowledged one Intent; its release reached nobody. */
  async function acknowledgedByAll(): Promise<Scene & { readonly intent: SignedStatement<Intent> }> {
    const study = await StudyInProcess.start(contract);
    running.push(study);
    const { one, others } = castOf(study);
    study.connect();
    await collectUpdates(study, { round: 1 });
    await cutOff([one]);
    await closeCollection(study);
    await until(() => others.every(({ agent }) => agent.state.activity.phase === 'acknowledged'));
    await cutOff(others);
    const { state } = study.enclave;
    if (state.phase !== 'committed') throw new Error(state.phase);
    return { study, one, others, stolen: study.enclave.environment.signer, intent: state.intent };
  }

  it('two children of one Intent: only the one that it fixed is a model, whoever signs the other', async () => {
    const { study, others, one, stolen, intent } = await acknowledgedByAll();
    const { state } = study.enclave;
    if (state.phase !== 'committed') throw new Error(state.phase);
    const lie = other(study, 0.25);
    const { round, attempt, certificate } = intent.statement;
    const { contract: digest } = intent.statement;
    const [victim, ...honest] = others;
    if (victim === undefined) throw new Error('no victim');
    const forged = issueStatement(
      {
        type: 'release',
        ...{ contract: digest, at: START, round, attempt, intent: intent.digest, certificate },
        parent: victim.agent.state.model.digest,
        child: lie.digest,
        resultSalt: state.result.salt,
        cohortSize: intent.statement.members.length,
        ...{ noise: null, epsilonSpent: null, epsilonLeft: null, software: enclaveProgram.measurement },
      },
      headOf(intent),
      stolen,
    );
    // The enclave releases to the others; its bundle, with every acknowledgement, is what the liar bends.
    study.connect([one, ...honest]);
    await until(() => acknowledgements(study) === 3);
    await study.command({ type: 'close-acknowledgement', at: START });
    await until(() => [one, ...honest].every(({ agent }) => agent.state.model.round === 1));
    const bundle = { ...bundleOf(one), release: forged.bytes };
    const liar = lieTo(study, victim)
      .state(forged)
      .tell({ type: 'release', bundle: encodeBundle(bundle), weights: lie.weights });
    const ended = await liar.leave();
    expect(ended?.code).toBe('E-RELEASE-INVALID');
    expect(ended?.detail).toMatch(/^result bound by intent: .*not the one that was acknowledged/);
    expect(victim.agent.state.model.round).toBe(0);
    nobodyWasFooled(study);

    // Nor does a stranger believe it.
    const organisationKeys = new Map(contract.contract.organisations.map(({ id, key }) => [id, key]));
    const appraise = publicationAppraiser(simulatedVerifiers, 'simulation', () => START);
    const report = verifyPassport(bundle, { organisationKeys, appraise });
    expect(report.checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['result bound by intent']);
  });

  it('two Intents of one certificate: each hospital acknowledges one, and no passport has enough', async () => {
    const study = await StudyInProcess.start(contract);
    running.push(study);
    study.connect();
    await collectUpdates(study, { round: 1 });
    await until(() => study.sites.every(({ agent }) => agent.state.activity.phase === 'uploading'));
    await cutOff(study.sites);
    const { state } = study.enclave;
    if (state.phase !== 'collecting') throw new Error(state.phase);
    const { signer: stolen } = study.enclave.environment;
    const { certificate, manifest } = state;
    const { one } = castOf(study);
    const honest = narrowStatement(certificate, 'certificate').statement;
    const members = study.sites.map(({ id, agent }) => {
      const [commit] = agent.state.spent.values();
      if (commit === undefined) throw new Error('no debit');
      return { organisation: id, commit };
    });
    const salt = digestOf('salt of the liar');
    const children = [other(study, 0.25), other(study, 0.75)];
    const { round, attempt, contract: digest } = honest;
    const place = { contract: digest, at: START, round, attempt };
    const intents = children.map(({ digest: child }) => {
      const result = resultCommitment(salt, child);
      const draft = { ...place, certificate: certificate.digest, setRoot: setRoot(members), members, result };
      return issueStatement({ type: 'intent', ...draft }, headOf(certificate), stolen);
    });
    const liars = study.sites.map((site, index) =>
      lieTo(study, site).state(intents[index < 2 ? 0 : 1] as SignedStatement),
    );
    const acknowledgements = [];
    for (const liar of liars) {
      const { acknowledgement, endorsement } = await liar.heard('acknowledgement');
      acknowledgements.push({ acknowledgement, endorsement });
      expect(await liar.leave()).toBeNull();
    }
    // Shown the other one, a hospital sees that the place is taken.
    const shown = lieTo(study, one).state(intents[1] as SignedStatement);
    expect(await shown.leave()).toMatchObject({ code: 'E-STATEMENT-CHAIN' });

    const [genesis] = seenBy(study, one);
    if (genesis === undefined) throw new Error('no genesis');
    const { publications } = state.ledger;
    for (const [index, site] of study.sites.entries()) {
      const which = index < 2 ? 0 : 1;
      const intent = intents[which] as SignedStatement<Intent>;
      const child = children[which] as (typeof children)[number];
      const release = issueStatement(
        {
          type: 'release',
          ...{ ...place, intent: intent.digest, certificate: certificate.digest, parent: manifest.statement.parent },
          ...{ child: child.digest, resultSalt: salt, cohortSize: members.length },
          ...{ noise: null, epsilonSpent: null, epsilonLeft: null, software: enclaveProgram.measurement },
        },
        headOf(intent),
        stolen,
      );
      const bundle: PassportBundle = {
        format: 'consilium/passport-bundle/v1',
        contract: contract.bytes,
        approvals: honest.members.map(({ approval }) => approval),
        publications: [...publications],
        genesis: genesis.bytes,
        manifest: manifest.bytes,
        certificate: certificate.bytes,
        intent: intent.bytes,
        release: release.bytes,
        // Even hospitals are given their own half, odd ones everything that was ever signed.
        acknowledgements: index % 2 === 0 ? acknowledgements.slice(2 * which, 2 * which + 2) : acknowledgements,
      };
      const liar = lieTo(study, site)
        .state(release)
        .tell({ type: 'release', bundle: encodeBundle(bundle), weights: child.weights });
      const ended = await liar.leave();
      expect(ended?.code).toBe('E-RELEASE-INVALID');
      expect(ended?.detail).toMatch(
        index % 2 === 0 ? /^acknowledgements: E-ACKS-MISSING/ : /^acknowledgements: E-ACK-INVALID.*another intent/,
      );
      expect(site.agent.state.model.round).toBe(0);
    }
    nobodyWasFooled(study);
  });
});

describe('A6 a second enclave', () => {
  it('from a copied state, before other hospitals: whoever heard one refuses the other, and nobody trains for it', async () => {
    const { study, one, others } = await afterOneRound();
    await cutOff(study.sites);
    const copy = await study.from(copyOf(study.disk));
    running.push(copy);
    study.connect(others);
    await runRound(study, { round: 2, sites: others });
    await cutOff(others);
    // The fourth is told of another second round, which cannot have a cohort.
    copy.connect([one]);
    await openRound(copy, { round: 2, sites: [one] });
    await copy.command({ type: 'lock-cohort', at: START });
    expect(phaseOf(copy)).toBe('aborted');
    await cutOff([one]);
    expect(one.trained).toEqual([1]);
    // Nor can the copy win over those who know better: it has to halt before it is believed (PROTOCOL §7).
    const told = (): unknown[] =>
      others.map(({ agent: { state } }) => [state.chain, state.model, state.spent, state.activity]);
    const before = told();
    copy.connect(others);
    await until(() => phaseOf(copy) === 'halted' && others.every(({ ended }) => ended));
    expect(told()).toEqual(before);
    study.connect([one]);
    await until(() => phaseOf(study) === 'halted' && one.ended);
    expect(one.agent.state.model.round).toBe(1);
    expect(study.sites.map(({ trained }) => trained)).toEqual([[1], [1, 2], [1, 2], [1, 2]]);
    nobodyWasFooled(study);
  });

  it('with the state and a stolen boot key, but without the hardware: no session, no word of it believed', async () => {
    const { study, one, stolen } = await afterOneRound();
    await cutOff(study.sites);
    const attester = untrustedChip().attesterFor(enclaveProgram);
    const copy = await study.from(copyOf(study.disk), { attester });
    running.push(copy);
    const before = one.agent.state;
    one.refusals.length = 0;
    copy.connect([one]);
    await until(() => one.ended);
    expect(one.refusals.map(({ code }) => code)).toContain('E-ATTEST-SIGNATURE');
    expect(one.agent.state).toEqual(before);

    // Evidence from the same chip for the liar's own key, told as a publication: refused like in a session.
    const { state } = copy.enclave;
    const evidence = state.phase === 'unborn' ? undefined : state.ledger.publications.at(-1);
    if (evidence === undefined) throw new Error('no publication');
    const liar = lieTo(study, one).tell({ type: 'publication', publication: encodePublication(evidence) });
    expect(await liar.leave()).toMatchObject({ code: 'E-ATTEST-SIGNATURE' });
    expect(trusts(one, evidence.bootKey)).toBe(false);
    expect(trusts(one, stolen.publicKey)).toBe(true);
    study.connect();
    await runRound(study, { round: 2 });
    nobodyWasFooled(study);
  });
});

const acknowledgements = ({ enclave: { state } }: StudyInProcess): number =>
  state.phase === 'committed' ? state.acknowledgements.size : 0;
