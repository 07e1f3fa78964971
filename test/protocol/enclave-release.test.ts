import { describe, expect, it } from 'vitest';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { signAcknowledgement } from '../../lib/audit/acknowledgement.ts';
import { signApproval } from '../../lib/contract/approval.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { instant, organisationId, type Instant } from '../../lib/core/ids.ts';
import { encodeWeights } from '../../lib/learning/weights.ts';
import { MemoryEnclave, MemoryStudy, must } from '../support/study-in-memory.ts';
import { DAY_MS, digestOf, HOSPITALS, organisationSigner, START, testContract } from '../support/test-contract.ts';
import { close, commitOf, endorsementOf, roundStages, told, withdrawalOf } from './round-stages.ts';

const MINUTE = 60_000;

const { begun, locked, uploaded, announced } = roundStages();

describe('PROTOCOL §7.6: intent, acknowledgements, release', () => {
  it('no intent below k_min or against a member’s conditions: all uploads but the victim’s were dropped (A5)', () => {
    const closeWith = (study: MemoryStudy, ids: readonly string[]): string => {
      const fork = study.fork();
      fork.upload(ids.map((id) => fork.site(id)));
      return told(fork.enclave.handle(close));
    };
    expect(closeWith(locked, ['adler'])).toBe('abort E-COHORT-TOO-SMALL');
    expect(closeWith(locked, ['adler', 'birch'])).toBe('abort E-COHORT-TOO-SMALL');
    expect(closeWith(locked, ['adler', 'birch', 'cedar'])).toBe('intent');
    const study = new MemoryStudy(testContract(), { adler: { requireCoParticipants: [organisationId('dogwood')] } });
    study.open(1);
    study.commit();
    study.lock();
    expect(closeWith(study, ['adler', 'birch', 'cedar'])).toBe('abort E-COHORT-REQUIRED');
    expect(closeWith(study, ['birch', 'cedar', 'dogwood'])).toBe('intent');
  });

  it('a withdrawal after the upload counts from the next round on (§6.3)', () => {
    const study = uploaded.fork();
    must(study.enclave.handle(withdrawalOf(begun, 'adler')));
    expect(told(study.enclave.handle(close))).toBe('intent');
  });

  it('nothing of the result is in what leaves before the release', () => {
    const { state } = announced.enclave;
    if (state.phase !== 'committed') throw new Error(state.phase);
    const { content, digest } = state.result.model;
    if (content === null) throw new Error('no content');
    const sent = Buffer.concat(announced.enclave.statements().map(({ bytes }) => bytes));
    expect(sent.includes(Buffer.from(encodeWeights(content.weights)))).toBe(false);
    expect(sent.includes(Buffer.from(digest))).toBe(false);
    expect(sent.includes(Buffer.from(state.result.salt))).toBe(false);
  });

  it('acknowledgements count from members of the accepted set, for this intent, under an endorsed key', () => {
    const { enclave } = announced.fork();
    const site = announced.site('adler');
    const { signer, organisation } = site.environment;
    const { intent } = site.activity('acknowledged');
    const { endorsement } = site;
    const fields = { contract: announced.sealed.digest, intent: intent.digest, organisation, at: START };
    const send = (acknowledgement: Uint8Array, change: object = {}): string =>
      told(
        enclave.handle({
          type: 'receive-acknowledgement',
          at: START,
          from: organisation,
          acknowledgement,
          endorsement,
          ...change,
        }),
      );
    const signed = signAcknowledgement(fields, signer);
    expect(send(signAcknowledgement({ ...fields, intent: digestOf('other') }, signer))).toMatch(/another intent/);
    expect(send(signAcknowledgement({ ...fields, contract: digestOf('other') }, signer))).toMatch(/another contract/);
    expect(send(signAcknowledgement(fields, organisationSigner('other')))).toMatch(/not endorsed/);
    expect(send(signed, { endorsement: announced.site('birch').endorsement })).toMatch(/^E-ACK-INVALID/);
    expect(send(signed, { from: organisationId('birch') })).toMatch(
      /^E-ACK-INVALID: birch sent the acknowledgement of another/,
    );
    expect(send(signed, { at: instant(START + DAY_MS) })).toBe('E-ENDORSEMENT: adler: expired');
    expect(send(signed)).toBe('done');
    const without = locked.fork();
    without.upload(without.sites.slice(1));
    without.close();
    const late = {
      type: 'receive-acknowledgement',
      at: START,
      from: organisation,
      acknowledgement: signed,
      endorsement,
    } as const;
    expect(told(without.enclave.handle(late))).toMatch(/^E-ACK-INVALID/);
  });

  it.each([
    { kMin: 3, f: 0, acknowledged: 2, outcome: /^E-ACKS-MISSING.*/ },
    { kMin: 3, f: 0, acknowledged: 3, outcome: /^release$/ },
    { kMin: 2, f: 0, acknowledged: 2, outcome: /^E-ACKS-MISSING.*/ },
    { kMin: 2, f: 0, acknowledged: 3, outcome: /^release$/ },
    { kMin: 2, f: 1, acknowledged: 3, outcome: /^E-ACKS-MISSING.*/ },
  ])(
    'k_min $kMin, f $f, $acknowledged of 4 acknowledged at the deadline → $outcome',
    ({ kMin, f, acknowledged, outcome }) => {
      const study = new MemoryStudy(testContract({ kMin, toleratedColluders: f }));
      study.open(1);
      study.commit();
      study.lock();
      study.upload();
      study.close();
      study.acknowledge(study.sites.slice(0, acknowledged));
      expect(study.enclave.state.phase).toBe('committed');
      expect(told(study.enclave.handle({ type: 'close-acknowledgement', at: START }))).toMatch(outcome);
    },
  );

  it('the last acknowledgement of the set releases at once', () => {
    const study = announced.fork();
    study.acknowledge();
    expect(study.enclave.statements().at(-1)?.statement.type).toBe('release');
  });

  it('a sealed result is never given up: not at the deadline, not for another attempt, not when asked to stop (§7.8)', () => {
    const study = announced.fork();
    study.acknowledge(study.sites.slice(0, 2));
    const { enclave } = study;
    const before = enclave.state;
    expect(told(enclave.handle({ type: 'close-acknowledgement', at: START }))).toMatch(/^E-ACKS-MISSING/);
    expect(told(enclave.handle({ type: 'abort-round', at: START }))).toMatch(/^E-ROUND-SEALED/);
    expect(told(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 2 }))).toMatch(/^E-ROUND-SEALED/);
    expect(enclave.state).toBe(before);
    study.acknowledge(study.sites.slice(2, 3));
    expect(told(enclave.handle({ type: 'close-acknowledgement', at: START }))).toBe('release');
  });
});

const approvalUntil = (sealed: SealedContract, expires: Instant): Uint8Array =>
  signApproval(
    { contract: sealed.digest, organisation: organisationId('dogwood'), epsilonBudget: null, expires },
    organisationSigner('dogwood'),
  );

describe('PROTOCOL §7.7: what is released, every site can accept', () => {
  const begin = (): MemoryStudy => begun.fork();

  it('although one hospital’s approval expired and it no longer takes part', () => {
    const study = new MemoryStudy(testContract());
    const { sealed } = study;
    const enclave = new MemoryEnclave(sealed);
    const approval = approvalUntil(sealed, instant(START + MINUTE));
    must(enclave.handle({ type: 'record-approval', at: START, approval }));
    enclave.begin(START, HOSPITALS.slice(0, 3));
    Object.assign(study, { enclave });
    const at = instant(START + 2 * MINUTE);
    const three = study.sites.slice(0, 3);
    study.open(1, 1, at);
    must(study.enclave.handle({ ...commitOf(study.site('adler')), at } as EnclaveCommand));
    study.commit(study.sites.slice(1, 3), at);
    expect(told(study.enclave.handle({ ...commitOf(study.site('dogwood')), at } as EnclaveCommand))).toMatch(
      /^E-APPROVAL-INVALID: dogwood: expired/,
    );
    study.lock(at);
    study.upload(three);
    study.close(at);
    study.acknowledge(three, at);
    study.deliver(three);
    for (const site of three) expect(site.state.model.round).toBe(1);
  });

  it('and an approval gives way only to a longer one: two that take turns would fill the log', () => {
    const study = begin();
    const record = (expires: number): number =>
      must(
        study.enclave.handle({
          type: 'record-approval',
          at: START,
          approval: approvalUntil(study.sealed, instant(expires)),
        }),
      ).length;
    expect(record(START + MINUTE)).toBe(0);
    expect(record(START + 101 * DAY_MS)).toBe(1);
    expect(record(START + 100 * DAY_MS + 1)).toBe(0);
  });

  it('although an endorsement ran out between the acknowledgement and the release', () => {
    const study = uploaded.fork();
    study.close();
    const adler = study.site('adler');
    const { acknowledgement } = adler.activity('acknowledged');
    const endorsement = endorsementOf(adler, START + 1000);
    const from = adler.environment.organisation;
    must(study.enclave.handle({ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement }));
    study.acknowledge(study.sites.slice(1, 3));
    must(study.enclave.handle({ type: 'close-acknowledgement', at: instant(START + 2000) }));
    study.deliver();
    for (const site of study.sites) expect(site.state.model.round).toBe(1);
  });
});
