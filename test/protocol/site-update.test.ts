import type { SiteCommand } from '../../site-agent/event.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { describe, expect, it } from 'vitest';
import { setRoot } from '../../lib/audit/set-root.ts';
import type { Intent, SignedStatement, Statement } from '../../lib/audit/statement.ts';
import { organisationId } from '../../lib/core/ids.ts';
import type { MemoryStudy } from '../support/study-in-memory.ts';
import { MemorySite, must } from '../support/study-in-memory.ts';
import { digestOf, START } from '../support/test-contract.ts';
import { lie, secondRound, told, withdrawn } from './second-round.ts';

const round = secondRound();
const { beforeCertificate, beforeIntent, released } = round;
const lieIn = (study: MemoryStudy, type: Statement['type'], change: object): SignedStatement =>
  lie(round, study, { type, change });
const show = (study: MemoryStudy, id: string, type: Statement['type'], change: object, at = START): string =>
  told(
    study
      .site(id)
      .fork()
      .see(lieIn(study, type, change), at),
  );

describe('PROTOCOL §7.5–7.6: what a site sends and acknowledges', () => {
  const original = (): Intent => {
    const intent = released.enclave.statements().findLast(({ statement }) => statement.type === 'intent');
    return intent?.statement as Intent;
  };
  const announce = (members: Intent['members'], change: object = {}): string =>
    show(beforeIntent, 'adler', 'intent', { members, setRoot: setRoot(members), ...change });

  it('the real intent, whole or without one of four', () => {
    expect(announce(original().members)).toBe('acknowledged');
    expect(announce(original().members.slice(0, 3))).toBe('acknowledged');
  });

  it('not an intent that holds another update in its name', () => {
    const members = original().members.map((m) =>
      m.organisation === 'adler' ? { ...m, commit: digestOf('other') } : m,
    );
    expect(announce(members)).toMatch(/^declined E-ACK-INVALID: the intent names another update/);
  });

  it('not an intent that it is no part of: nothing is said', () => {
    expect(announce(original().members.slice(1))).toBe('');
  });

  it('not an intent with a stranger, a member twice, or another set root', () => {
    const [first, second, third] = original().members;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three');
    expect(announce([...original().members, { organisation: organisationId('elm'), commit: digestOf('x') }])).toMatch(
      /not in the cohort/,
    );
    expect(announce([first, second, second, third])).toMatch(/^declined E-ACK-INVALID/);
    expect(announce(original().members, { setRoot: digestOf('other') })).toMatch(/set root differs/);
  });

  it('not an intent below k_min: everyone committed, then all uploads but the victim’s were dropped (A5)', () => {
    expect(announce(original().members.slice(0, 2))).toMatch(/^declined E-COHORT-UNCONFIRMED: intent/);
    expect(announce(original().members.slice(0, 1))).toMatch(/^declined E-COHORT-UNCONFIRMED: intent/);
  });

  it('not an intent without its required co-participants', () => {
    const strict = new MemorySite(released.sealed, organisationId('adler'), {
      requireCoParticipants: [organisationId('dogwood')],
    });
    strict.state = beforeIntent.site('adler').state;
    const members = original().members.slice(0, 3);
    expect(told(strict.see(lieIn(beforeIntent, 'intent', { members, setRoot: setRoot(members) })))).toBe(
      'declined E-COHORT-REQUIRED: dogwood',
    );
  });

  it('not an intent for another certificate', () => {
    expect(announce(original().members, { certificate: digestOf('other') })).toMatch(/^refused E-ROUND-MANIFEST/);
  });

  it('one update for one parent, in whatever attempt; its debit is never repeated', () => {
    const study = beforeIntent.fork();
    must(study.enclave.handle({ type: 'abort-round', at: START }));
    study.catchUp();
    study.open(2, 2);
    study.commit();
    study.lock();
    const site = study.site('adler');
    const parent = site.state.model.digest;
    const other = { type: 'finish-training', parent, commit: digestOf('another update'), payloadBytes: 60 } as const;
    expect(told(site.handle(other))).toMatch(/^refused E-UPDATE-COMMITMENT/);
    must(study.uploadOne(site, site.payload()));
    expect(site.log.filter(({ type }) => type === 'debited')).toHaveLength(2);
    expect(site.log.filter(({ type }) => type === 'update-ready')).toHaveLength(3);
  });

  it('no update of a training that ended after its round did (§7.5)', () => {
    const study = beforeIntent.fork();
    must(study.enclave.handle({ type: 'abort-round', at: START }));
    study.catchUp();
    study.open(2, 2);
    study.commit();
    study.lock();
    const site = study.site('adler');
    const late = {
      type: 'finish-training',
      parent: digestOf('an earlier model'),
      commit: digestOf('late'),
      payloadBytes: 60,
    };
    expect(told(site.handle(late as SiteCommand))).toMatch(/^refused E-ROUND-MANIFEST/);
    expect(site.state.spent.has(toHex(digestOf('an earlier model')))).toBe(false);
  });

  it('nothing after a withdrawal that came before the upload (§6.3)', () => {
    const study = beforeCertificate.fork();
    study.commit();
    study.lock();
    const site = withdrawn(study.site('adler'));
    const { layout } = site.environment;
    const finished = {
      type: 'finish-training',
      parent: site.state.model.digest,
      commit: digestOf('update'),
      payloadBytes: 48 + 4 * layout.length,
    } as const;
    expect(told(site.handle(finished))).toMatch(/^refused E-SITE-WITHDRAWN/);
  });
});
