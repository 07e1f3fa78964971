import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { verifyPassport } from '../../lib/audit/passport.ts';
import { publicationAppraiser } from '../../lib/audit/appraise-publication.ts';
import { simulatedRoot } from '../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import { openStatementAs, type Manifest } from '../../lib/audit/statement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { organisationId } from '../../lib/core/ids.ts';
import { encodeModelFile } from '../../lib/learning/model-file.ts';
import { encodeWeights } from '../../lib/learning/weights.ts';
import { StudyInProcess, type SiteInProcess } from '../support/study-in-process.ts';
import { freshStart, successorOf } from '../support/successor-contract.ts';
import { must } from '../support/study-in-memory.ts';
import { digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';

const first = testContract();
const salt = digestOf('result salt');
const studies: StudyInProcess[] = [];

afterEach(() => {
  for (const study of studies.splice(0)) study.stop();
});

const kept = (study: StudyInProcess): StudyInProcess => {
  studies.push(study);
  return study;
};

const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error('not yet');
    },
    { timeout: 20_000, interval: 5 },
  );

async function collect(study: StudyInProcess, round: number, attempt = 1, sites = study.sites.length): Promise<void> {
  await study.command({ type: 'open-round', at: START, round, attempt });
  await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === sites);
  await study.command({ type: 'lock-cohort', at: START });
  await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === sites);
}

async function runRound(study: StudyInProcess, round: number, attempt = 1): Promise<void> {
  await collect(study, round, attempt);
  await study.command({ type: 'close-collection', at: START, salt });
  await until(() => study.sites.every(({ agent }) => agent.state.model.round === round));
}

const passportOf = (study: StudyInProcess, round: number): Uint8Array => {
  const bundle = study.sites[0]?.passports.get(round);
  if (bundle === undefined) throw new Error(`no passport of round ${round}`);
  return bundle;
};

/** Two released rounds; the enclave and its disk are gone. */
async function ended(): Promise<StudyInProcess> {
  const study = kept(await StudyInProcess.start(first));
  study.connect();
  await runRound(study, 1);
  await runRound(study, 2);
  study.stop();
  return study;
}

/** Every hospital of `sealed` goes on under it on its own disk; a new one needs `file`. */
async function goOn(
  sealed: SealedContract,
  passport: Uint8Array,
  past: StudyInProcess,
  file: Uint8Array | null = null,
): Promise<StudyInProcess> {
  const study = kept(await StudyInProcess.succeed(sealed, passport));
  for (const { id } of sealed.contract.organisations)
    await study.join(id, past.sites.find((site) => site.id === id)?.disk, async () => file);
  study.connect();
  return study;
}

async function modelFileOf(site: SiteInProcess, { contract, digest }: SealedContract): Promise<Uint8Array> {
  return encodeModelFile({
    ...(await site.model()),
    contract: digest,
    spec: contract.model.spec,
    schema: contract.schema,
  });
}

const siteOf = (study: StudyInProcess, id: string): SiteInProcess => {
  const found = study.sites.find((site) => site.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

function verified(bundle: Uint8Array, sealed: SealedContract): string[] {
  const verifiers = verifierRegistry([simulatedVerifier({ roots: [simulatedRoot(digestOf('chip root'))] })]);
  const organisationKeys = new Map<string, (typeof sealed.contract.organisations)[number]['key']>(
    sealed.contract.organisations.map(({ id, key }) => [id, key]),
  );
  const appraise = publicationAppraiser(verifiers, 'simulation', () => START);
  const report = verifyPassport(must(decodeBundle(bundle)), { organisationKeys, appraise });
  return report.checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`);
}

describe('PROTOCOL §6.1, §7.8: an enclave that lost its state, and a successor contract', () => {
  it('the study goes on from the last model, with the ledgers of every hospital', async () => {
    const past = await ended();
    const last = siteOf(past, 'adler').agent.state.model.digest;
    const next = successorOf(first, passportOf(past, 2));
    const study = await goOn(next, passportOf(past, 2), past);
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    await runRound(study, 1);
    await runRound(study, 2);
    const bundle = must(decodeBundle(passportOf(study, 1)));
    const manifest: Manifest = must(openStatementAs(bundle.manifest, 'manifest', 'E-INTERNAL')).statement;
    expect(toHex(manifest.parent)).toBe(toHex(last));
    for (const round of [1, 2]) expect(verified(passportOf(study, round), next)).toEqual([]);
    expect(new Set(study.sites.map(({ agent }) => toHex(agent.state.model.digest))).size).toBe(1);
    for (const { agent, trained, refusals } of study.sites) {
      expect(agent.state.spent.size).toBe(4);
      expect(trained).toEqual([1, 2]);
      expect(refusals).toEqual([]);
    }
  });

  it('an attempt that was cut off before its Intent: the same bytes go to the next enclave, nothing is trained again', async () => {
    const past = kept(await StudyInProcess.start(first));
    past.connect();
    await runRound(past, 1);
    await collect(past, 2);
    const announced = past.sites.map(({ agent }) => [...agent.state.spent.values()].map(toHex));
    past.stop();
    const study = await goOn(successorOf(first, passportOf(past, 1)), passportOf(past, 1), past);
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    await runRound(study, 1);
    expect(study.sites.map(({ agent }) => [...agent.state.spent.values()].map(toHex))).toEqual(announced);
    expect(study.sites.flatMap(({ trained }) => trained)).toEqual([]);
  });

  it('a third contract goes on from the second', async () => {
    const past = await ended();
    const next = successorOf(first, passportOf(past, 2));
    const second = await goOn(next, passportOf(past, 2), past);
    await until(() => second.enclave.state.phase === 'idle' && second.enclave.state.ledger.model.content !== null);
    await runRound(second, 1);
    second.stop();
    const third = await goOn(successorOf(next, passportOf(second, 1)), passportOf(second, 1), second);
    await until(() => third.enclave.state.phase === 'idle' && third.enclave.state.ledger.model.content !== null);
    await runRound(third, 1);
    expect(third.sites.map(({ agent }) => agent.state.spent.size)).toEqual([4, 4, 4, 4]);
  });

  it('a study that begins anew has its weights at once, and no hospital is asked', async () => {
    const past = await ended();
    const anew = successorOf(first, passportOf(past, 2), { beginAnew: freshStart(first) });
    const study = await goOn(anew, passportOf(past, 2), past);
    await runRound(study, 1);
    expect(siteOf(study, 'adler').agent.state.spent.size).toBe(3);
  });
});

describe('hospitals that come and go with a successor', () => {
  const elm = { id: organisationId('elm'), name: 'elm hospital', key: organisationSigner('elm').publicKey };

  it('one that lost its disk and one that joins start from a model file, and are asked for it like the others', async () => {
    const past = await ended();
    const organisations = [...first.contract.organisations.slice(1), elm];
    const next = successorOf(first, passportOf(past, 2), { organisations });
    const file = await modelFileOf(siteOf(past, 'cedar'), first);
    const study = kept(await StudyInProcess.succeed(next, passportOf(past, 2)));
    // The first to be asked are the two that have no past.
    for (const id of [elm.id, organisationId('birch')]) await study.join(id, undefined, async () => file);
    study.connect();
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    const others = [];
    for (const id of ['cedar', 'dogwood'].map(organisationId)) others.push(await study.join(id, siteOf(past, id).disk));
    study.connect(others);
    await runRound(study, 1);
    expect(verified(passportOf(study, 1), next)).toEqual([]);
    expect(siteOf(study, 'birch').agent.state.spent.size).toBe(1);
    expect(siteOf(study, 'cedar').agent.state.spent.size).toBe(3);
  });

  it('one that brings another model is refused by name; its session goes on, and another hospital brings it', async () => {
    const past = await ended();
    const next = successorOf(first, passportOf(past, 2));
    const study = kept(await StudyInProcess.succeed(next, passportOf(past, 2)));
    const liar = await study.join(organisationId('adler'), siteOf(past, 'adler').disk);
    // This agent forgets the question, and its hospital answers it by itself.
    Object.defineProperty(liar.agent.state, 'model', { value: { ...liar.agent.state.model, digest: digestOf('x') } });
    study.connect();
    await until(() => liar.agent.state.chain.length === 1);
    await liar.sendRaw({ type: 'model', weights: encodeWeights(Float32Array.of(1, 2, 3)) });
    await until(() => liar.refusals.some(({ code }) => code === 'E-PREDECESSOR-INVALID'));
    expect(study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content).toBeNull();
    expect(liar.ended).toBe(false);
    const refused = await study.enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 });
    expect(refused).toMatchObject({ ok: false, error: { code: 'E-MODEL-WANTED' } });
    const honest = await study.join(organisationId('birch'), siteOf(past, 'birch').disk);
    study.connect([honest]);
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    expect(honest.refusals).toEqual([]);
  });

  it('too few that approve it: no round opens, whatever the enclave has', async () => {
    const past = await ended();
    const next = successorOf(first, passportOf(past, 2));
    const approving = ['adler', 'birch'].map(organisationId);
    const study = kept(await StudyInProcess.succeed(next, passportOf(past, 2), approving));
    for (const { id, disk } of past.sites) await study.join(id, disk);
    study.connect();
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    await until(() => siteOf(study, 'cedar').refusals.some(({ code }) => code === 'E-ORG-NOT-APPROVED'));
    const refused = await study.enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 });
    expect(refused).toMatchObject({ ok: false, error: { code: 'E-APPROVALS-MISSING', got: '2' } });
  });
});

describe('PROTOCOL §7.8: the enclave of a successor that restarts', () => {
  it('keeps the model that a hospital brought, sealed, and asks again only where it is gone', async () => {
    const past = await ended();
    const study = await goOn(successorOf(first, passportOf(past, 2)), passportOf(past, 2), past);
    const hasModel = (): boolean =>
      study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null;
    await until(hasModel);
    const bytes = encodeWeights((await siteOf(past, 'adler').model()).weights);
    for (const blob of study.disk.blobs.values()) expect(Buffer.from(blob).includes(Buffer.from(bytes))).toBe(false);
    await study.restartEnclave();
    expect(hasModel()).toBe(true);
    study.disk.blobs.clear();
    await study.restartEnclave();
    expect(hasModel()).toBe(false);
    for (const site of study.sites) site.stop();
    study.connect();
    await until(hasModel);
    await runRound(study, 1);
  });

  it('before any hospital came, needs the passport no more', async () => {
    const past = await ended();
    const study = kept(await StudyInProcess.succeed(successorOf(first, passportOf(past, 2)), passportOf(past, 2)));
    await study.restartEnclave();
    expect(study.enclave.state).toMatchObject({ phase: 'idle', ledger: { model: { content: null } } });
  });
});
