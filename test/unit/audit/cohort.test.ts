import { beforeAll, describe, expect, it } from 'vitest';
import {
  MAX_MEDIAN_SKEW_MS,
  medianSkewMs,
  openCohort,
  openMember,
  unmetCondition,
  type MemberContext,
} from '../../../lib/audit/cohort.ts';
import { openCommit, signCommit, type Commit } from '../../../lib/audit/commit.ts';
import { headOf, type Certificate, type CohortMember } from '../../../lib/audit/statement.ts';
import { signApproval } from '../../../lib/contract/approval.ts';
import { signEndorsement } from '../../../lib/contract/endorsement.ts';
import { bytesEqual } from '../../../lib/core/bytes.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { DAY_MS, digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';

let study: MemoryStudy;
let members: Certificate['members'];
let context: MemberContext;

beforeAll(() => {
  study = new MemoryStudy(testContract());
  study.open(1);
  study.commit();
  study.lock();
  const [manifest, certificate] = study.enclave.statements().slice(-2);
  if (manifest === undefined || certificate?.statement.type !== 'certificate') throw new Error('no certificate');
  members = certificate.statement.members;
  const head = headOf(manifest);
  context = {
    sealed: study.sealed,
    manifest: manifest.digest,
    knowsHead: ({ counter, digest }) => counter === head.counter && bytesEqual(digest, head.digest),
    at: START,
  };
});

const outcome = (result: Result<unknown, Refusal>): string =>
  result.ok ? 'opened' : `${result.error.code}: ${result.error.detail}`;
const memberOf = (id: string): CohortMember => {
  const found = members.find(({ organisation }) => organisation === id);
  if (found === undefined) throw new Error(`no member ${id}`);
  return found;
};
const recommit = (id: string, change: Partial<Commit>): CohortMember => {
  const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(memberOf(id).commit)).document;
  return { ...memberOf(id), commit: signCommit({ ...commit, ...change }, study.site(id).environment.signer) };
};

describe('PROTOCOL §7.3: one member of a cohort', () => {
  it('counts with commit, endorsement and approval, until the first of the papers expires', () => {
    const opened = must(openMember(memberOf('adler'), context));
    expect(opened.commit.organisation).toBe('adler');
    expect(opened.validUntil).toBe(START + DAY_MS);
    const expires = instant(START + 1000);
    const approval = signApproval(
      { contract: study.sealed.digest, organisation: organisationId('adler'), epsilonBudget: null, expires },
      organisationSigner('adler'),
    );
    expect(must(openMember({ ...memberOf('adler'), approval }, context)).validUntil).toBe(expires);
    expect(outcome(openMember({ ...memberOf('adler'), approval }, { ...context, at: expires }))).toContain('expired');
  });

  it('counts after a restart of the site, its new boot key endorsed (§7.3)', () => {
    const signer = organisationSigner('second boot of adler');
    const { format: _format, bootKey: _bootKey, ...commit } = must(openCommit(memberOf('adler').commit)).document;
    const endorsement = signEndorsement(
      {
        organisation: commit.organisation,
        bootKey: signer.publicKey,
        contract: study.sealed.digest,
        issued: START,
        expires: instant(START + DAY_MS),
      },
      organisationSigner('adler'),
    );
    const again = { ...memberOf('adler'), commit: signCommit(commit, signer) };
    expect(outcome(openMember(again, context))).toContain('not endorsed');
    expect(outcome(openMember({ ...again, endorsement }, context))).toBe('opened');
  });

  it.each<[string, () => CohortMember, string]>([
    ['a stranger', () => ({ ...memberOf('adler'), organisation: organisationId('elm') }), 'E-ORG-UNKNOWN'],
    [
      'another’s approval',
      () => ({ ...memberOf('adler'), approval: memberOf('birch').approval }),
      'approval of another',
    ],
    [
      'another’s endorsement',
      () => ({ ...memberOf('adler'), endorsement: memberOf('birch').endorsement }),
      'endorsement of another',
    ],
    ['another’s commit', () => ({ ...memberOf('adler'), commit: memberOf('birch').commit }), 'commit of another'],
    ['a commit for another contract', () => recommit('adler', { contract: digestOf('x') }), 'another contract'],
    ['a commit for another manifest', () => recommit('adler', { manifest: digestOf('x') }), 'another manifest'],
    [
      'a head off the chain',
      () => recommit('adler', { head: { counter: 10 ** 9, digest: digestOf('x') } }),
      'its head is not on the statement chain',
    ],
    [
      'more co-participants than there can be',
      () => recommit('adler', { requireCoParticipants: new Array<never>(1001).fill('x' as never) }),
      'E-COMMIT-INVALID',
    ],
  ])('is refused with %s', (_, member, why) => {
    expect(outcome(openMember(member(), context))).toContain(why);
  });
});

describe('PROTOCOL §7.4: a cohort certificate', () => {
  it('opens to every commit', () => {
    expect(must(openCohort(members, context)).map(({ organisation }) => organisation)).toEqual([
      'adler',
      'birch',
      'cedar',
      'dogwood',
    ]);
  });

  it('is refused for one bad member, and for one that stands twice', () => {
    const bad = [...members.slice(1), recommit('adler', { manifest: digestOf('x') })];
    expect(outcome(openCohort(bad, context))).toBe('E-COHORT-COMMIT: adler: another manifest');
    expect(outcome(openCohort([...members, memberOf('birch')], context))).toBe('E-COHORT-COMMIT: birch stands twice');
    const twoCommits = [...members, recommit('birch', { at: instant(START + 1) })];
    expect(outcome(openCohort(twoCommits, context))).toBe('E-COHORT-COMMIT: birch stands twice');
  });

  it('is refused when the median clock is more than ten minutes off, in either direction (§2.6)', () => {
    const at = (offset: number): MemberContext => ({ ...context, at: instant(START + offset) });
    expect(outcome(openCohort(members, at(MAX_MEDIAN_SKEW_MS)))).toBe('opened');
    expect(outcome(openCohort(members, at(MAX_MEDIAN_SKEW_MS + 1)))).toMatch(/^E-COHORT-TIME/);
    const late = ['adler', 'birch', 'cedar'].map((id) => recommit(id, { at: instant(START + MAX_MEDIAN_SKEW_MS + 1) }));
    expect(outcome(openCohort([...late, memberOf('dogwood')], context))).toMatch(/^E-COHORT-TIME/);
    // One liar among four does not move the median.
    const liar = [recommit('adler', { at: instant(0) }), ...members.slice(1)];
    expect(outcome(openCohort(liar, context))).toBe('opened');
  });

  it('an empty one is never in time', () => {
    expect(outcome(openCohort([], context))).toMatch(/^E-COHORT-TIME/);
    expect(medianSkewMs([], START)).toBe(START);
  });
});

describe('PROTOCOL §7.6: conditions of the members', () => {
  const commitWith = (id: string, change: Partial<Commit>): Commit => ({
    ...must(openCommit(memberOf(id).commit)).document,
    ...change,
  });

  it('the first whose minimum or co-participants are missing is named', () => {
    const requires = [organisationId('dogwood')];
    expect(unmetCondition([])).toBe(null);
    expect(unmetCondition([commitWith('adler', { minimum: 1 })])).toBe(null);
    expect(unmetCondition([commitWith('adler', { minimum: 1 }), commitWith('birch', { minimum: 3 })])).toBe('birch');
    expect(unmetCondition([commitWith('adler', { minimum: 1, requireCoParticipants: requires })])).toBe('adler');
    const both = [
      commitWith('adler', { minimum: 2, requireCoParticipants: requires }),
      commitWith('dogwood', { minimum: 2 }),
    ];
    expect(unmetCondition(both)).toBe(null);
  });

  it('counts organisations, not commits', () => {
    const twice = [commitWith('adler', { minimum: 2 }), commitWith('adler', { minimum: 2 })];
    expect(unmetCondition(twice)).toBe('adler');
  });
});
