import { describe, expect, it } from 'vitest';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { signerFromSeed } from '../../lib/core/ed25519.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { refusal } from '../../lib/core/errors.ts';
import type { SiteEvent } from '../../site-agent/event.ts';
import { endorsementOf } from './round-stages.ts';
import { told } from './second-round.ts';
import { MemorySite, MemoryStudy, must } from '../support/study-in-memory.ts';
import { DAY_MS, digestOf, organisationSigner, START, testContract } from '../support/test-contract.ts';

const ID = 'cedar';
let boots = 0;

/** What a site is after a restart: the same memory, another boot key. */
function rebooted(site: MemorySite): MemorySite {
  const copy = site.fork();
  const environment = { ...copy.environment, signer: signerFromSeed(digestOf(`later boot ${(boots += 1)}`)) };
  Object.assign(copy, { environment });
  return Object.assign(copy, { endorsement: endorsementOf(copy, START + DAY_MS) });
}

/** The study with `copy` in the place of one site, as after its disk was put back and its agent started. */
function putBack(study: MemoryStudy, copy: MemorySite): MemoryStudy {
  const back = rebooted(copy);
  const sites = study.sites.map((site) => (site.environment.organisation === ID ? back : site));
  return Object.assign(study.fork(), { sites });
}

/** Shows the site everything that it has not seen, as history, and gives it the newest model; what it decided. */
function catchUp(study: MemoryStudy): readonly SiteEvent[] {
  const site = study.site(ID);
  must(site.handle({ type: 'trust-boot-key', bootKey: study.enclave.environment.signer.publicKey }));
  const events: SiteEvent[] = [];
  for (const { bytes: statement } of study.enclave.statements().slice(site.state.chain.length)) {
    const { endorsement } = site;
    events.push(
      ...must(
        site.handle({ type: 'receive-statement', at: START, statement, live: false, endorsement, unaffordable: null }),
      ),
    );
  }
  const { enclave } = study;
  if (site.state.model.round < site.state.released.round)
    events.push(
      ...must(site.handle({ type: 'receive-release', bundle: enclave.bundle(), weights: enclave.weights() })),
    );
  return events.filter(({ type }) => type !== 'statement-seen' && type !== 'round-ended');
}

const typesOf = (events: readonly SiteEvent[]): string[] =>
  events.map((event) => (event.type === 'declined' ? `declined ${event.refusal.code}` : event.type));

const others = (study: MemoryStudy): MemorySite[] =>
  study.sites.filter(({ environment }) => environment.organisation !== ID);

const NOTICED = ['behind-noticed', 'declined E-SITE-BEHIND'];
const contract = testContract({ rounds: 5 });

/** Two rounds with everybody, and the site as it was after the first. */
function afterTwoRounds(): { study: MemoryStudy; old: MemorySite } {
  const study = new MemoryStudy(contract);
  study.run(1);
  const old = study.site(ID).fork();
  study.run(2);
  return { study, old };
}

/** One round without the site, which is shown it live and takes its release. */
function roundWithout(study: MemoryStudy, round: number): void {
  study.open(round);
  expect(study.site(ID).log.at(-1)).toEqual({ type: 'declined', refusal: refusal('E-SITE-BEHIND') });
  study.commit(others(study));
  study.lock();
  study.upload(others(study));
  study.close();
  study.acknowledge(others(study));
  study.deliver();
}

describe('PROTOCOL §7.13: a site whose disk is an old copy', () => {
  it('finds out from the certificate, remembers what it sent, and takes the release', () => {
    const { study, old } = afterTwoRounds();
    const restored = putBack(study, old);
    expect(typesOf(catchUp(restored))).toEqual(['commit-recovered', ...NOTICED, 'debit-recovered', 'model-received']);
    const { spent, model } = restored.site(ID).state;
    expect(new Map(spent)).toEqual(new Map(study.site(ID).state.spent));
    expect(model.round).toBe(2);
  });

  it('stays out, the others go on, and it takes part again once somebody accepts', () => {
    const { study, old } = afterTwoRounds();
    const restored = putBack(study, old);
    catchUp(restored);
    roundWithout(restored, 3);
    const { behind } = restored.site(ID).state;
    must(restored.site(ID).handle({ type: 'accept-backup', counter: behind ?? -1 }));
    restored.run(4);
    expect(restored.sites.map(({ state }) => state.model.round)).toEqual([4, 4, 4, 4]);
    expect(restored.site(ID).state.behind).toBeNull();
    // One debit for each of the parents of rounds 1, 2 and 4.
    expect(restored.site(ID).state.spent.size).toBe(3);
  });

  it('a new disk is the oldest copy of all', () => {
    const { study } = afterTwoRounds();
    const empty = new MemorySite(study.sealed, study.site(ID).environment.organisation);
    const restored = putBack(study, empty);
    expect(typesOf(catchUp(restored))).toEqual([
      ...['commit-recovered', ...NOTICED, 'debit-recovered'],
      ...['commit-recovered', 'debit-recovered', 'model-received'],
    ]);
    expect(new Map(restored.site(ID).state.spent)).toEqual(new Map(study.site(ID).state.spent));
  });

  it('a copy made while it trained: the Intent tells of an update that it does not remember', () => {
    const study = new MemoryStudy(contract);
    study.open(1);
    study.commit();
    study.lock();
    const old = study.site(ID).fork();
    study.upload();
    const sent = toHex(study.site(ID).activity('uploading').header.commit);
    study.close();
    const restored = putBack(study, old);
    expect(typesOf(catchUp(restored))).toEqual(['debit-recovered', ...NOTICED]);
    expect([...restored.site(ID).state.spent.values()].map(toHex)).toEqual([sent]);
    restored.acknowledge(others(restored));
    must(restored.enclave.handle({ type: 'close-acknowledgement', at: START }));
    expect(typesOf(catchUp(restored))).toEqual(['model-received']);
  });

  it('once accepted, what the same attempt still tells is no second surprise', () => {
    const study = new MemoryStudy(contract);
    const old = study.site(ID).fork();
    study.open(1);
    study.commit();
    study.lock();
    study.upload();
    const restored = putBack(study, old);
    expect(typesOf(catchUp(restored))).toEqual(['commit-recovered', ...NOTICED]);
    must(restored.site(ID).handle({ type: 'accept-backup', counter: restored.site(ID).state.behind ?? -1 }));
    restored.close();
    expect(restored.site(ID).log.at(-1)?.type).toBe('debit-recovered');
    expect(restored.site(ID).state.behind).toBeNull();
    restored.acknowledge(others(restored));
    must(restored.enclave.handle({ type: 'close-acknowledgement', at: START }));
    restored.deliver(others(restored));
    expect(typesOf(catchUp(restored))).toEqual(['model-received']);
    restored.run(2);
    expect(restored.site(ID).state.model.round).toBe(2);
  });

  it('sends the same bytes for a parent that it announced in an attempt that told nobody of them', () => {
    const study = new MemoryStudy(contract);
    const old = study.site(ID).fork();
    study.open(1);
    study.commit();
    study.lock();
    study.upload();
    const sent = study.site(ID).activity('uploading').header.commit;
    must(study.enclave.handle({ type: 'abort-round', at: START }));
    const restored = putBack(study, old);
    catchUp(restored);
    must(restored.site(ID).handle({ type: 'accept-backup', counter: restored.site(ID).state.behind ?? -1 }));
    restored.open(1, 2);
    restored.commit();
    restored.lock();
    restored.upload();
    expect(restored.site(ID).activity('uploading').header.commit).toEqual(sent);
  });

  it('another old copy put back later, or the same one again, has to be accepted again', () => {
    const { study, old } = afterTwoRounds();
    const restored = putBack(study, old);
    catchUp(restored);
    const noticedAt = restored.site(ID).state.behind ?? -1;
    must(restored.site(ID).handle({ type: 'accept-backup', counter: noticedAt }));
    const second = restored.site(ID).fork();
    restored.run(3);
    const again = putBack(restored, second);
    expect(typesOf(catchUp(again))).toContain('behind-noticed');
    // What was said the first time means nothing now.
    expect(must(again.site(ID).handle({ type: 'accept-backup', counter: noticedAt }))).toEqual([]);
    again.open(4);
    expect(typesOf(again.site(ID).log)).toContain('declined E-SITE-BEHIND');
    expect(again.site(ID).state.activity.phase).toBe('waiting');
  });
});

describe('PROTOCOL §7.13: a site is not behind', () => {
  it('when it was restarted, at any point of a round', () => {
    const study = new MemoryStudy(contract);
    const steps: (() => void)[] = [
      () => {
        study.open(1);
      },
      () => {
        study.commit();
      },
      () => {
        study.lock();
      },
      () => {
        study.upload();
      },
      () => {
        study.close();
      },
      () => {
        study.acknowledge();
      },
      () => {
        study.deliver();
      },
    ];
    for (const step of steps) {
      step();
      const copy = putBack(study, study.site(ID));
      expect(typesOf(catchUp(copy))).not.toContain('behind-noticed');
    }
  });

  it('when it was away, or declined, or has withdrawn behind its commit', () => {
    const study = new MemoryStudy(contract);
    study.run(1);
    study.open(2);
    const site = study.site(ID);
    const fields = { contract: study.sealed.digest, organisation: site.environment.organisation, at: START };
    study.commit();
    must(site.handle({ type: 'withdraw', withdrawal: signWithdrawal(fields, organisationSigner(ID)) }));
    study.lock();
    expect(site.state).toMatchObject({ behind: null, activity: { phase: 'waiting' } });
    study.upload(others(study));
    study.close();
    study.acknowledge(others(study));
    study.deliver();
    expect(site.state.behind).toBeNull();
  });

  it('before it is told: acceptance in advance changes nothing', () => {
    const { study } = afterTwoRounds();
    const site = study.site(ID);
    for (const counter of [0, site.state.chain.length - 1, site.state.chain.length])
      expect(told(site.handle({ type: 'accept-backup', counter }))).toBe('');
  });
});
