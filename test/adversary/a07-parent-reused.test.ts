import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeSiteMessage, encodeMessage, type SiteMessage } from '../../lib/audit/session-message.ts';
import { issueStatement } from '../../lib/audit/statement.ts';
import { headOfChain } from '../../lib/audit/chain.ts';
import { sealContract, type SealedContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { RefusalError } from '../../lib/core/errors.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { must } from '../support/study-in-memory.ts';
import { SiteInProcess, StudyInProcess } from '../support/study-in-process.ts';
import { freshStart, successorOf } from '../support/successor-contract.ts';
import { digestOf, START, testApproval, testContract } from '../support/test-contract.ts';
import { hostEnclave } from '../unit/wire/hosted-enclave.ts';

/**
 * A7: the coordinator wants a second result of one parent model, with one hospital fewer: the difference of the two is
 * that hospital's update. First in the same contract, then through a successor contract, against the real enclave core,
 * the real host and the real agents on their stores.
 */

const contract = testContract();
const salt = digestOf('result salt');
const VICTIM = organisationId('dogwood');
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

async function started(): Promise<StudyInProcess> {
  const study = kept(await StudyInProcess.start(contract));
  study.connect();
  return study;
}

async function upToUploads(study: StudyInProcess, round: number): Promise<void> {
  const { length } = study.sites;
  await study.command({ type: 'open-round', at: START, round, attempt: 1 });
  await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === length);
  await study.command({ type: 'lock-cohort', at: START });
  await until(() => study.enclave.state.phase === 'collecting' && study.enclave.state.accepted.size === length);
}

async function runRound(study: StudyInProcess, round: number): Promise<void> {
  await upToUploads(study, round);
  await study.command({ type: 'close-collection', at: START, salt });
  await until(() => study.sites.every(({ agent }) => agent.state.model.round === round));
}

async function stopped(study: StudyInProcess): Promise<void> {
  study.stop();
  await until(() => study.sites.every(({ ended }) => ended));
}

/** Two rounds, each with its passport; the enclave is gone. */
async function twoRounds(): Promise<StudyInProcess> {
  const study = await started();
  await runRound(study, 1);
  await runRound(study, 2);
  study.stop();
  return study;
}

/**
 * The second round up to its release, which reaches nobody: three hospitals have acknowledged it, the victim was cut off
 * before its Intent, and the network swallows what the enclave releases.
 */
async function releaseWithheld(): Promise<StudyInProcess> {
  const study = await started();
  await runRound(study, 1);
  await upToUploads(study, 2);
  siteOf(study, VICTIM).stop();
  await until(() => siteOf(study, VICTIM).ended);
  await study.command({ type: 'close-collection', at: START, salt });
  await until(() => study.enclave.state.phase === 'committed' && study.enclave.state.acknowledgements.size === 3);
  for (const site of study.sites) site.stop();
  await until(() => study.sites.every(({ ended }) => ended));
  await study.command({ type: 'close-acknowledgement', at: START });
  expect(study.enclave.state.phase).toBe('released');
  expect(study.sites.map(({ agent }) => agent.state.model.round)).toEqual([1, 1, 1, 1]);
  return study;
}

function siteOf(study: StudyInProcess, id: string): SiteInProcess {
  const found = study.sites.find((site) => site.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

function passportOf(study: StudyInProcess, round: number): Uint8Array {
  const bundle = study.sites[0]?.passports.get(round);
  if (bundle === undefined) throw new Error(`no passport of round ${round}`);
  return bundle;
}

/** What becomes of an agent that is started under `sealed` on the disk it had. */
const startedUnder = (sealed: SealedContract, { id, disk }: SiteInProcess): Promise<string> =>
  SiteInProcess.start(sealed, id, { disk }).then(
    () => 'started',
    (fault: unknown) => (fault instanceof RefusalError ? fault.refusals[0].code : String(fault)),
  );

const without = (victim: string): SealedContract['contract']['organisations'] =>
  contract.contract.organisations.filter(({ id }) => id !== victim);

describe('A7, PROTOCOL §7.2: a second result of one parent in the same contract', () => {
  it('the enclave refuses to open it, whatever the attempt', async () => {
    const study = await started();
    await runRound(study, 1);
    siteOf(study, VICTIM).stop();
    for (const attempt of [1, 2, 1000]) {
      const again = await study.enclave.handle({ type: 'open-round', at: START, round: 1, attempt });
      expect(again).toMatchObject({ ok: false, error: { code: 'E-PARENT-REUSED' } });
    }
  });

  it.each([
    ['the same round again', 1, 2],
    ['the next round, on the model before', 2, 1],
  ])(
    '%s: a hospital that is shown its manifest all the same refuses, sends nothing and trains nothing',
    async (_what, round, attempt) => {
      const study = await started();
      const parent = contract.contract.model.initialDigest;
      await runRound(study, 1);
      const { agent, trained } = siteOf(study, 'adler');
      await stopped(study);
      const { signer } = study.enclave.environment;
      const terms = { privacy: contract.contract.privacy, ledger: null, commitBy: instant(START + 5_000) };
      const manifest = issueStatement(
        { type: 'manifest', contract: contract.digest, at: START, round, attempt, parent, ...terms },
        headOfChain(agent.state.chain),
        signer,
      );
      const { sent, ended } = await shown(agent, signer.publicKey, manifest.bytes);
      expect(ended).toBe('E-PARENT-REUSED');
      expect(sent.map(({ type }) => type)).toEqual(['sync']);
      expect(trained).toEqual([1]);
      expect([...agent.state.spent.keys()]).toEqual([toHex(parent)]);
    },
  );

  it('a second release of one parent is refused as well', async () => {
    const study = await started();
    await runRound(study, 1);
    const { agent } = siteOf(study, 'adler');
    await stopped(study);
    const { signer } = study.enclave.environment;
    const release = issueStatement(
      {
        type: 'release',
        contract: contract.digest,
        at: START,
        round: 1,
        attempt: 2,
        intent: digestOf('intent'),
        certificate: digestOf('certificate'),
        parent: contract.contract.model.initialDigest,
        child: digestOf('the sum of three'),
        resultSalt: salt,
        cohortSize: 3,
        noise: null,
        epsilonSpent: null,
        epsilonLeft: null,
        software: digestOf('program'),
      },
      headOfChain(agent.state.chain),
      signer,
    );
    expect((await shown(agent, signer.publicKey, release.bytes)).ended).toBe('E-PARENT-REUSED');
  });
});

/** One session in which the agent is shown one statement; what it said, and why it ended the session. */
async function shown(
  agent: SiteInProcess['agent'],
  bootKey: Parameters<SiteInProcess['agent']['serve']>[0]['bootKey'],
  statement: Uint8Array,
): Promise<{ readonly sent: readonly SiteMessage[]; readonly ended: string }> {
  const sent: SiteMessage[] = [];
  const incoming = [encodeMessage({ type: 'statement', statement })];
  const ended = await agent
    .serve({
      bootKey,
      send: async (bytes) => {
        sent.push(must(decodeSiteMessage(bytes)));
      },
      next: async () => {
        await until(() => sent.length > 0);
        return incoming.shift() ?? null;
      },
    })
    .then(
      () => 'the session went on',
      (fault: unknown) => (fault instanceof RefusalError ? fault.refusals[0].code : String(fault)),
    );
  return { sent, ended };
}

describe('A7, PROTOCOL §6.1, §7.9: a second result of one parent through a successor contract', () => {
  it('(a) from an older passport than the newest release: every hospital that knows better refuses', async () => {
    const past = await twoRounds();
    const older = successorOf(contract, passportOf(past, 1), { organisations: without(VICTIM) });
    for (const site of past.sites.filter(({ id }) => id !== VICTIM))
      expect(await startedUnder(older, site)).toBe('E-PARENT-REUSED');
    // The same under a pretext: all four, fresh weights.
    const anew = successorOf(contract, passportOf(past, 1), { beginAnew: freshStart(contract) });
    for (const site of past.sites) expect(await startedUnder(anew, site)).toBe('E-PARENT-REUSED');
  });

  it('(a) from the first weights again: each hospital has sent its update for them', async () => {
    const past = await twoRounds();
    const { model } = contract.contract;
    const next = successorOf(contract, passportOf(past, 2));
    const again = must(sealContract({ ...next.contract, organisations: without(VICTIM), model: { ...model } }));
    for (const site of past.sites.filter(({ id }) => id !== VICTIM))
      expect(await startedUnder(again, site)).toBe('E-PARENT-REUSED');
  });

  it('(b) from the newest known passport while a release is withheld: who acknowledged it refuses', async () => {
    const past = await releaseWithheld();
    const next = successorOf(contract, passportOf(past, 1), { organisations: without(VICTIM) });
    for (const site of past.sites.filter(({ id }) => id !== VICTIM))
      expect(await startedUnder(next, site)).toBe('E-PARENT-REUSED');
  });

  it('(b) with everybody: only the hospital that acknowledged nothing comes, and it is no cohort', async () => {
    const past = await releaseWithheld();
    const next = successorOf(contract, passportOf(past, 1));
    const study = kept(await StudyInProcess.succeed(next, passportOf(past, 1)));
    const codes: string[] = [];
    for (const { id, disk } of past.sites) {
      await study.join(id, disk).catch((fault: unknown) => {
        if (fault instanceof RefusalError) codes.push(fault.refusals[0].code);
      });
    }
    expect(codes).toEqual(['E-PARENT-REUSED', 'E-PARENT-REUSED', 'E-PARENT-REUSED']);
    study.connect();
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    await study.command({ type: 'open-round', at: START, round: 1, attempt: 1 });
    await until(() => study.enclave.state.phase === 'open' && study.enclave.state.commits.size === 1);
    await study.command({ type: 'lock-cohort', at: START });
    expect(study.enclave.state.phase).toBe('aborted');
    // Nothing was trained for the second time, and nothing has left.
    expect(siteOf(study, VICTIM).trained).toEqual([]);
  });

  it('(b) from the release itself, once somebody shows its passport, all go on', async () => {
    const past = await releaseWithheld();
    past.connect([siteOf(past, 'adler')]);
    await until(() => siteOf(past, 'adler').agent.state.model.round === 2);
    past.stop();
    const next = successorOf(contract, passportOf(past, 2));
    const weights = siteOf(past, 'adler').agent.state.model;
    expect(toHex(next.contract.model.initialDigest)).toBe(toHex(weights.digest));
    expect(await startedUnder(next, siteOf(past, 'adler'))).toBe('started');
    // They lack the model, not the right to go on.
    for (const id of ['birch', 'cedar', 'dogwood']) expect(await startedUnder(next, siteOf(past, id))).toBe('E-CONFIG');
  });

  it.each([
    ['at the place of the release', 4],
    ['at the place of another statement', 2],
    ['beyond everything that anybody has seen', 400],
  ])('(c) with a forged head %s: the enclave refuses, and so does every hospital', async (_where, counter) => {
    const past = await started();
    await runRound(past, 1);
    await upToUploads(past, 2);
    past.stop();
    const honest = successorOf(contract, passportOf(past, 1), { organisations: without(VICTIM) });
    const { predecessor } = honest.contract;
    if (predecessor === null) throw new Error('a successor');
    const head = { counter, digest: digestOf('forged') };
    const forged = must(sealContract({ ...honest.contract, predecessor: { ...predecessor, head } }));
    const { host } = hostEnclave();
    const loaded = await host.load({ contract: forged.bytes, approvals: [], predecessor: passportOf(past, 1) });
    expect(loaded).toMatchObject({ ok: false, error: { code: 'E-PREDECESSOR-INVALID' } });
    // An enclave that did not look would not help: their updates for this model have gone.
    for (const site of past.sites.filter(({ id }) => id !== VICTIM))
      expect(await startedUnder(forged, site)).toBe('E-PARENT-REUSED');
    expect(await startedUnder(honest, siteOf(past, 'adler'))).toBe('started');
  });

  it('(d) with the old and the new agent on one store: the old one can answer nothing more', async () => {
    const past = await started();
    await runRound(past, 1);
    const next = successorOf(contract, passportOf(past, 1));
    const study = kept(await StudyInProcess.succeed(next, passportOf(past, 1)));
    for (const { id, disk } of past.sites) await study.join(id, disk);
    // The old enclave goes on with the same parent, and the old agents are still connected to it.
    await past.command({ type: 'open-round', at: START, round: 2, attempt: 1 });
    await until(() => past.sites.every(({ ended }) => ended));
    expect(past.enclave.state).toMatchObject({ phase: 'open', commits: new Map() });
    for (const site of past.sites) {
      expect(site.endings.map(({ code }) => code)).toContain('E-STORE-CONFLICT');
      expect(await startedUnder(contract, site)).toBe('E-CONTRACT-SUPERSEDED');
    }
    study.connect();
    await until(() => study.enclave.state.phase === 'idle' && study.enclave.state.ledger.model.content !== null);
    await runRound(study, 1);
  });

  it('(e) that quietly drops one hospital: approvals of the contract before count for nothing', async () => {
    const past = await twoRounds();
    const next = successorOf(contract, passportOf(past, 2), { organisations: without(VICTIM) });
    const { host, log } = hostEnclave();
    const old = past.sites.map(({ id }) => testApproval(contract, id));
    must(await host.load({ contract: next.bytes, approvals: old, predecessor: passportOf(past, 2) }));
    const refused = log.filter(({ event }) => event === 'session.refused').map(({ code }) => code);
    expect(refused).toEqual(['E-APPROVAL-INVALID', 'E-APPROVAL-INVALID', 'E-APPROVAL-INVALID', 'E-APPROVAL-INVALID']);
    const opened = await host.advance({ action: 'openRound', round: 1, attempt: 1 });
    expect(opened).toMatchObject({ ok: false, error: { code: 'E-APPROVALS-MISSING', got: '0' } });
  });

  it('with another passport than the contract names, or none: the enclave does not begin, and begins with the right one', async () => {
    const past = await twoRounds();
    const next = successorOf(contract, passportOf(past, 2));
    const { host } = hostEnclave();
    for (const predecessor of [undefined, passportOf(past, 1), new Uint8Array([1, 2, 3])]) {
      const loaded = await host.load({ contract: next.bytes, approvals: [], predecessor });
      expect(loaded).toMatchObject({ ok: false, error: { code: 'E-PREDECESSOR-INVALID' } });
    }
    expect((await host.load({ contract: next.bytes, approvals: [], predecessor: passportOf(past, 2) })).ok).toBe(true);
  });
});
