import { describe, expect, it } from 'vitest';
import { openCommit, signCommit } from '../../lib/audit/commit.ts';
import {
  headOf,
  type Certificate,
  type CohortMember,
  type SignedStatement,
  type Statement,
} from '../../lib/audit/statement.ts';
import type { Signer } from '../../lib/core/ed25519.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { MemoryStudy, must } from '../support/study-in-memory.ts';
import { digestOf, hardwarePolicy, organisationSigner, START, testContract } from '../support/test-contract.ts';
import { linkedStatement } from '../unit/deciders/linked-statement.ts';
import { lie, secondRound, told } from './second-round.ts';

const round = secondRound();
const { beforeCertificate, released } = round;
const lieIn = (study: MemoryStudy, type: Statement['type'], change: object): SignedStatement =>
  lie(round, study, { type, change });
const show = (study: MemoryStudy, id: string, type: Statement['type'], change: object, at = START): string =>
  told(
    study
      .site(id)
      .fork()
      .see(lieIn(study, type, change), at),
  );

describe('PROTOCOL §7.4, §6.2: which cohorts a site trains with', () => {
  const membersOf = (study: MemoryStudy): CohortMember[] => {
    const certificate = study.enclave.statements().findLast(({ statement }) => statement.type === 'certificate');
    return [...(certificate?.statement as Certificate).members];
  };
  const certify = (members: readonly CohortMember[], at = START): string =>
    show(beforeCertificate, 'adler', 'certificate', { members }, at);
  const recommit = (member: CohortMember, change: object): CohortMember => {
    const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(member.commit)).document;
    const { signer } = released.site(member.organisation).environment;
    return { ...member, commit: signCommit({ ...commit, ...change }, signer) };
  };
  const each = (change: (member: CohortMember) => CohortMember): CohortMember[] => membersOf(released).map(change);

  it('the real one', () => {
    expect(certify(membersOf(released))).toBe('cohort-accepted');
    expect(certify(membersOf(released).slice(0, 3))).toBe('cohort-accepted');
  });

  it('not one below k_min (A5)', () => {
    expect(certify(membersOf(released).slice(0, 2))).toMatch(/^declined E-COHORT-UNCONFIRMED/);
  });

  it('not one without its own commit, or with another commit in its name', () => {
    expect(certify(membersOf(released).slice(1))).toBe('declined E-COHORT-COMMIT: the own commit is missing');
    const signedBy = (signer: Signer): CohortMember[] =>
      each((m) => {
        if (m.organisation !== 'adler') return m;
        const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(m.commit)).document;
        return { ...m, commit: signCommit({ ...commit, minimum: 1 }, signer) };
      });
    const stranger = signedBy(organisationSigner('a stranger'));
    expect(certify(stranger)).toBe('declined E-COHORT-COMMIT: the own commit was replaced');
    // One that its own endorsed key signed is not the enclave's doing (§7.13).
    const own = signedBy(released.site('adler').environment.signer);
    expect(certify(own)).toBe('commit-recovered, behind-noticed, declined E-SITE-BEHIND: ');
  });

  it('not one with a forged commit, a commit for another manifest, a head off the chain, or one member twice', () => {
    const forged = each((m) =>
      m.organisation === 'cedar' ? { ...m, commit: m.commit.map((b, i) => (i === 90 ? b ^ 1 : b)) } : m,
    );
    expect(certify(forged)).toMatch(/^declined E-COHORT-COMMIT/);
    const other = { manifest: digestOf('other') };
    expect(certify(each((m) => (m.organisation === 'cedar' ? recommit(m, other) : m)))).toMatch(
      /^declined E-COHORT-COMMIT: cedar: another manifest/,
    );
    const offChain = { head: { counter: 10 ** 9, digest: digestOf('fork') } };
    expect(certify(each((m) => (m.organisation === 'cedar' ? recommit(m, offChain) : m)))).toMatch(
      /head is not on the statement chain/,
    );
    const [adler, birch] = membersOf(released);
    if (adler === undefined || birch === undefined) throw new Error('two members');
    expect(certify([adler, birch, birch])).toMatch(/^declined E-COHORT-COMMIT: birch stands twice/);
  });

  it('not one whose median clock is ten minutes off: a frozen clock (A4)', () => {
    expect(certify(membersOf(released), instant(START + 10 * 60_000 + 1))).toMatch(/^declined E-COHORT-TIME/);
    expect(certify(membersOf(released), instant(START + 10 * 60_000))).toBe('cohort-accepted');
  });

  it('not one whose members all had another time, although the certificate states the right one', () => {
    const apart = (ms: number): CohortMember[] => each((member) => recommit(member, { at: instant(START + ms) }));
    expect(certify([...membersOf(released).slice(0, 1), ...apart(10 * 60_000 + 1).slice(1)])).toMatch(
      /^declined E-COHORT-TIME/,
    );
    expect(certify([...membersOf(released).slice(0, 1), ...apart(10 * 60_000).slice(1)])).toBe('cohort-accepted');
  });

  it('not one with collateral that its platform does not have: a made-up number would stop everybody (A4)', () => {
    const newer = (field: object) =>
      each((m) =>
        m.organisation === 'birch' ? recommit(m, { collateral: { crlNumber: 0, tcbEvaluation: 0, ...field } }) : m,
      );
    expect(certify(newer({ crlNumber: 1 }))).toMatch(/^declined E-COHORT-COMMIT: birch: it names collateral/);
    expect(certify(newer({ tcbEvaluation: 1 }))).toMatch(/^declined E-COHORT-COMMIT: birch: it names collateral/);
  });

  it('not one with collateral older than the newest in it, where the platform has any (A4)', () => {
    const appraisal = { enclave: hardwarePolicy, site: hardwarePolicy };
    const study = new MemoryStudy(testContract({ environment: 'production', appraisal }));
    study.open(1);
    study.commit();
    const before = study.fork();
    study.lock();
    const members = (field: object): CohortMember[] =>
      membersOf(study).map((m) => {
        if (m.organisation !== 'birch') return m;
        const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(m.commit)).document;
        const collateral = { crlNumber: 0, tcbEvaluation: 0, ...field };
        return { ...m, commit: signCommit({ ...commit, collateral }, study.site('birch').environment.signer) };
      });
    const after = before.enclave.statements().at(-1);
    if (after === undefined) throw new Error('no manifest');
    const show = (field: object): string => {
      const { signer } = before.enclave.environment;
      const like = study.enclave.statements();
      const change = { members: members(field) };
      return told(
        before
          .site('adler')
          .fork()
          .see(linkedStatement('certificate', { like, after: headOf(after), signer, change }), START),
      );
    };
    expect(show({})).toBe('cohort-accepted');
    expect(show({ crlNumber: 1 })).toMatch(/^declined E-COHORT-COMMIT: adler holds older collateral/);
    expect(show({ tcbEvaluation: 1 })).toMatch(/^declined E-COHORT-COMMIT: adler holds older collateral/);
  });

  it('not one in which another member’s conditions are unmet', () => {
    const strict = { requireCoParticipants: [organisationId('dogwood')] };
    const members = each((m) => (m.organisation === 'birch' ? recommit(m, strict) : m)).slice(0, 3);
    expect(certify(members)).toBe('declined E-COHORT-REQUIRED: conditions of birch');
  });

  it('for another manifest: refused outright', () => {
    expect(show(beforeCertificate, 'adler', 'certificate', { manifest: digestOf('other') })).toMatch(
      /^refused E-ROUND-MANIFEST/,
    );
  });
});

describe('PROTOCOL §6.2: hospitals that the coordinator invented', () => {
  const organisation = (id: string) => ({ id: organisationId(id), name: id, key: organisationSigner(id).publicKey });
  const sealed = testContract({ organisations: ['adler', 'birch', 'ghost-1', 'ghost-2'].map(organisation) });
  const pinned = (...ids: readonly string[]) => ({
    confirmedKeys: new Map(ids.map((id) => [organisationId(id), organisationSigner(id).publicKey])),
  });

  it('do not count towards k_min, however well they play the protocol (A5)', () => {
    const study = new MemoryStudy(sealed, { adler: pinned('adler', 'birch') });
    study.open(1);
    study.commit();
    study.lock();
    expect(study.site('adler').state.activity.phase).toBe('waiting');
    const reasons = study.site('adler').log.flatMap((event) => (event.type === 'declined' ? [event.refusal] : []));
    expect(reasons).toEqual([{ code: 'E-COHORT-UNCONFIRMED', detail: '', got: '2', want: 'at least 3' }]);
    // Who confirmed them by mistake takes part; nobody is protected by what others confirmed.
    expect(study.site('birch').state.activity.phase).toBe('training');
  });

  it('do not count under a confirmed name with another key', () => {
    const overlay = pinned('adler', 'birch');
    overlay.confirmedKeys.set(organisationId('ghost-1'), organisationSigner('the real ghost-1').publicKey);
    const study = new MemoryStudy(sealed, { adler: overlay });
    study.open(1);
    study.commit();
    study.lock();
    expect(study.site('adler').state.activity.phase).toBe('waiting');
  });

  it('count once they are confirmed', () => {
    const study = new MemoryStudy(sealed, { adler: pinned('adler', 'birch', 'ghost-1') });
    study.open(1);
    study.commit();
    study.lock();
    expect(study.site('adler').state.activity.phase).toBe('training');
  });
});
