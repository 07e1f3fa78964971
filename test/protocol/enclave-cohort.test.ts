import { describe, expect, it } from 'vitest';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { openCommit, signCommit, type Commit } from '../../lib/audit/commit.ts';
import { headOf } from '../../lib/audit/statement.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { MemoryEnclave, MemoryStudy, must, type MemorySite } from '../support/study-in-memory.ts';
import {
  DAY_MS,
  digestOf,
  HOSPITALS,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../support/test-contract.ts';
import { commitOf, endorsementOf, lockAt, roundStages, told, withdrawalOf } from './round-stages.ts';

const MINUTE = 60_000;

const { begun, opened, locked, uploaded, announced } = roundStages();

describe('PROTOCOL §7.1–7.2: genesis and manifests', () => {
  it('genesis stands on the initial weights of the contract', () => {
    const boot = {
      type: 'boot',
      at: START,
      noiseRoot: digestOf('root'),
      initialWeights: Float32Array.of(0, 0, 1),
    } as const;
    expect(told(new MemoryEnclave(begun.sealed).handle(boot))).toMatch(/^E-CONTRACT-INVALID: model.initialDigest/);
  });

  it('no round without k_min approvals (§6.1), withdrawn ones not counted', () => {
    const enclave = new MemoryEnclave(begun.sealed);
    enclave.begin(START, HOSPITALS.slice(0, 2));
    const open = { type: 'open-round', at: START, round: 1, attempt: 1 } as const;
    expect(told(enclave.handle(open))).toMatch(/^E-APPROVALS-MISSING/);
    const third = organisationId('cedar');
    must(enclave.handle({ type: 'record-approval', at: START, approval: testApproval(begun.sealed, third) }));
    expect(told(enclave.fork().handle(open))).toBe('manifest');
    must(enclave.handle(withdrawalOf(begun, 'birch')));
    expect(told(enclave.handle(open))).toMatch(/^E-APPROVALS-MISSING/);
  });

  it('only the next round, in attempts that count up', () => {
    const open = (round: number, attempt: number): string =>
      told(begun.enclave.fork().handle({ type: 'open-round', at: START, round, attempt }));
    expect(open(1, 1)).toBe('manifest');
    expect(open(2, 1)).toMatch(/^E-ROUND-MANIFEST/);
    expect(open(0, 1)).toMatch(/^E-PARENT-REUSED/);
    // The coordinator asked before, and the enclave was not there to hear it.
    expect(open(1, 4)).toBe('manifest');
    const { enclave } = begun.fork();
    must(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 4 }));
    must(enclave.handle({ type: 'abort-round', at: START }));
    expect(told(enclave.fork().handle({ type: 'open-round', at: START, round: 1, attempt: 4 }))).toMatch(
      /^E-ROUND-MANIFEST/,
    );
    expect(told(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 5 }))).toBe('manifest');
  });

  it('asking for the running attempt changes nothing in any phase; for an earlier one it is refused', () => {
    for (const stage of [opened, locked, uploaded, announced]) {
      const { enclave } = stage.fork();
      const before = enclave.state;
      expect(must(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 }))).toEqual([]);
      expect(enclave.state).toBe(before);
    }
    const { enclave } = begun.fork();
    must(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 2 }));
    expect(told(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 }))).toMatch(/^E-ROUND-PHASE/);
  });

  it('no attempt is so late that the next ones cannot be counted', () => {
    const open = (attempt: number): string =>
      told(begun.enclave.fork().handle({ type: 'open-round', at: START, round: 1, attempt }));
    expect(open(1000)).toBe('manifest');
    expect(open(1001)).toMatch(/^E-ROUND-MANIFEST/);
    expect(open(1_000_000)).toMatch(/^E-ROUND-MANIFEST/);
  });

  it('a later attempt ends the running one: the coordinator gave it up and its word for it was lost', () => {
    for (const stage of [opened, locked, uploaded]) {
      const { enclave } = stage.fork();
      expect(told(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 2 }))).toBe(
        'abort E-ROUND-STOPPED, manifest',
      );
    }
    const sealedResult = announced.fork().enclave;
    expect(told(sealedResult.handle({ type: 'open-round', at: START, round: 1, attempt: 2 }))).toMatch(
      /^E-ROUND-SEALED/,
    );
    const { enclave } = locked.fork();
    expect(told(enclave.handle({ type: 'open-round', at: START, round: 2, attempt: 2 }))).toMatch(/^E-ROUND-PHASE/);
    // Where no next attempt could begin, the running one goes on.
    const expired = instant(START + 366 * DAY_MS);
    expect(told(enclave.handle({ type: 'open-round', at: expired, round: 1, attempt: 2 }))).toMatch(
      /^E-CONTRACT-EXPIRED/,
    );
    expect(enclave.state.phase).toBe('locked');
  });

  it('only while the contract is valid, and only as many as it says', () => {
    const open = (at: number): string =>
      told(begun.enclave.fork().handle({ type: 'open-round', at: instant(at), round: 1, attempt: 1 }));
    expect(open(START - 1)).toMatch(/^E-CONTRACT-EXPIRED/);
    expect(open(START + 365 * DAY_MS)).toMatch(/^E-CONTRACT-EXPIRED/);
    const study = new MemoryStudy(testContract({ rounds: 1 }));
    study.run(1);
    expect(told(study.enclave.handle({ type: 'open-round', at: START, round: 2, attempt: 1 }))).toMatch(
      /^E-ROUND-FINISHED/,
    );
    expect(told(study.enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 2 }))).toMatch(
      /^E-ROUND-FINISHED/,
    );
  });

  it('publishes no boot but its own (§4.5)', () => {
    const publication = { ...begun.enclave.publication(), bootKey: organisationSigner('other boot').publicKey };
    expect(told(begun.enclave.fork().handle({ type: 'record-publication', publication }))).toMatch(/^E-ATTEST-BINDING/);
  });
});

describe('PROTOCOL §7.3–7.4: commits and cohorts', () => {
  const recommit = (site: MemorySite, change: Partial<Commit>): EnclaveCommand => {
    const {
      format: _format,
      bootKey: _bootKey,
      ...commit
    } = must(openCommit(site.activity('committed').commit)).document;
    const signed = signCommit({ ...commit, ...change }, site.environment.signer);
    return {
      type: 'receive-commit',
      at: START,
      from: site.environment.organisation,
      commit: signed,
      endorsement: site.endorsement,
    };
  };

  it('are taken from approved hospitals only', () => {
    const enclave = new MemoryEnclave(begun.sealed);
    enclave.begin(START, HOSPITALS.slice(0, 3));
    must(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 }));
    const [manifest] = enclave.statements().slice(-1);
    if (manifest === undefined) throw new Error('no manifest');
    const site = opened.site('dogwood');
    expect(told(enclave.handle(recommit(site, { manifest: manifest.digest, head: headOf(manifest) })))).toBe(
      'E-ORG-NOT-APPROVED: dogwood',
    );
    expect(told(enclave.handle({ ...commitOf(site), from: organisationId('elm') } as EnclaveCommand))).toBe(
      'E-ORG-NOT-APPROVED: elm',
    );
  });

  it('are one for each hospital: the first stands', () => {
    const { enclave } = opened.fork();
    const site = opened.site('adler');
    expect(told(enclave.handle(commitOf(site)))).toBe('done');
    expect(told(enclave.handle(recommit(site, { minimum: 4 })))).toBe('E-COMMIT-DUPLICATE: adler');
  });

  it('name this manifest, twice: as what they answer and as their head', () => {
    const site = opened.site('adler');
    const [genesis] = opened.enclave.statements();
    if (genesis === undefined) throw new Error('no genesis');
    const send = (change: Partial<Commit>): string => told(opened.enclave.fork().handle(recommit(site, change)));
    expect(send({ manifest: genesis.digest })).toMatch(/^E-COMMIT-INVALID: adler: another manifest/);
    expect(send({ head: headOf(genesis) })).toMatch(/^E-COMMIT-INVALID: adler: its head is not this manifest/);
    expect(send({ head: { counter: 10 ** 9, digest: digestOf('x') } })).toMatch(/not on the statement chain/);
  });

  it('come from the hospital of the session, under an endorsement that holds now', () => {
    const { enclave } = opened.fork();
    const birch = commitOf(opened.site('birch'));
    expect(told(enclave.handle({ ...birch, from: organisationId('adler') } as EnclaveCommand))).toMatch(
      /endorsement of another organisation/,
    );
    const adler = opened.site('adler');
    const stale = { ...commitOf(adler), endorsement: endorsementOf(adler, START, instant(START - DAY_MS)) };
    expect(told(enclave.handle(stale as EnclaveCommand))).toBe('E-ENDORSEMENT: adler: expired');
  });

  it('end the attempt when they are fewer than k_min, or a required or demanded one is missing', () => {
    const lockWith = (study: MemoryStudy, ids: readonly string[]): string => {
      const fork = study.fork();
      fork.commit(ids.map((id) => fork.site(id)));
      return told(fork.enclave.handle(lockAt(START)));
    };
    expect(lockWith(opened, ['adler', 'birch'])).toBe('abort E-COHORT-TOO-SMALL');
    expect(lockWith(opened, ['adler', 'birch', 'cedar'])).toBe('certificate');
    const requiring = new MemoryStudy(testContract({ requireSites: [organisationId('dogwood')] }));
    requiring.open(1);
    expect(lockWith(requiring, ['adler', 'birch', 'cedar'])).toBe('abort E-COHORT-REQUIRED');
    const demanding = new MemoryStudy(testContract(), { birch: { minimum: 4 } });
    demanding.open(1);
    expect(lockWith(demanding, ['adler', 'cedar', 'dogwood'])).toBe('certificate');
    expect(lockWith(demanding, ['adler', 'birch', 'cedar'])).toBe('abort E-COHORT-TOO-SMALL');
  });

  it('of a hospital whose own wish cannot be met are left out: it stops nobody else', () => {
    const demanding = new MemoryStudy(testContract(), { birch: { minimum: 1000 } });
    demanding.open(1);
    demanding.commit();
    must(demanding.enclave.handle(lockAt(START)));
    const newest = demanding.enclave.statements().at(-1)?.statement;
    const members = newest?.type === 'certificate' ? newest.members.map(({ organisation }) => organisation) : [];
    expect(members).toEqual(['adler', 'cedar', 'dogwood']);
  });

  it('of hospitals that withdrew are left out (§6.3), and refused from then on', () => {
    const study = opened.fork();
    study.commit();
    must(study.enclave.handle(withdrawalOf(begun, 'adler')));
    must(study.enclave.handle(withdrawalOf(begun, 'birch')));
    expect(told(study.enclave.handle(lockAt(START)))).toBe('abort E-COHORT-TOO-SMALL');
    const early = opened.fork();
    must(early.enclave.handle(withdrawalOf(begun, 'adler')));
    expect(told(early.enclave.handle(commitOf(opened.site('adler'))))).toBe('E-SITE-WITHDRAWN: adler');
  });

  it('whose papers ran out before the lock are left out: the certificate would state a time at which they are void', () => {
    const study = opened.fork();
    study.commit(study.sites.slice(1));
    const adler = study.site('adler');
    const short = { ...commitOf(adler), endorsement: endorsementOf(adler, START + 1000) };
    must(study.enclave.handle(short as EnclaveCommand));
    const certified = (at: number): number => {
      const fork = study.fork();
      must(fork.enclave.handle(lockAt(instant(at))));
      const newest = fork.enclave.statements().at(-1)?.statement;
      return newest?.type === 'certificate' ? newest.members.length : 0;
    };
    expect(certified(START + 999)).toBe(4);
    expect(certified(START + 1000)).toBe(3);
  });

  it('whose clocks are not the enclave’s end the attempt: every site would refuse the certificate (§2.6)', () => {
    const lockAfter = (ms: number): string => {
      const study = opened.fork();
      study.commit();
      return told(study.enclave.handle(lockAt(instant(START + ms))));
    };
    expect(lockAfter(10 * MINUTE)).toBe('certificate');
    expect(lockAfter(10 * MINUTE + 1)).toBe('abort E-COHORT-TIME');
  });
});
