import { describe, expect, it } from 'vitest';
import { openCommit } from '../../lib/audit/commit.ts';
import { headOf, type SignedStatement, type Statement } from '../../lib/audit/statement.ts';
import { refusal } from '../../lib/core/errors.ts';
import { instant, organisationId } from '../../lib/core/ids.ts';
import { noisyContract } from '../support/noisy-contract.ts';
import type { MemoryStudy } from '../support/study-in-memory.ts';
import { MemorySite, must } from '../support/study-in-memory.ts';
import { DAY_MS, digestOf, HOSPITALS, organisationSigner, START } from '../support/test-contract.ts';
import { linkedStatement } from '../unit/deciders/linked-statement.ts';
import { lie, secondRound, told, withdrawn } from './second-round.ts';

const round = secondRound();
const { beforeManifest, released } = round;
const lieIn = (study: MemoryStudy, type: Statement['type'], change: object): SignedStatement =>
  lie(round, study, { type, change });
const show = (study: MemoryStudy, id: string, type: Statement['type'], change: object, at = START): string =>
  told(
    study
      .site(id)
      .fork()
      .see(lieIn(study, type, change), at),
  );

describe('PROTOCOL §7: which statements a site accepts', () => {
  it('only those of a boot key that was attested to it', () => {
    const after = beforeManifest.enclave.statements().at(-1);
    if (after === undefined) throw new Error('no statement');
    const signer = organisationSigner('enclave nobody attested');
    const statement = linkedStatement('manifest', {
      like: released.enclave.statements(),
      after: headOf(after),
      signer,
    });
    expect(told(beforeManifest.site('adler').fork().see(statement))).toMatch(/^refused E-STATEMENT-SIGNATURE/);
  });

  it('only those of its contract', () => {
    expect(show(beforeManifest, 'adler', 'manifest', { contract: digestOf('other') })).toMatch(
      /^refused E-CHANNEL-CONTRACT/,
    );
  });

  it('only those that link from its head: no fork, no gap, no other history (A6)', () => {
    expect(show(beforeManifest, 'adler', 'manifest', { previous: digestOf('fork') })).toMatch(
      /^refused E-STATEMENT-CHAIN/,
    );
    expect(show(beforeManifest, 'adler', 'manifest', { counter: 9 })).toMatch(/^refused E-STATEMENT-CHAIN/);
    expect(show(beforeManifest, 'adler', 'manifest', { counter: 2 })).toMatch(/^refused E-STATEMENT-CHAIN/);
    // Two different manifests for one place: the site that saw one refuses the other.
    const site = beforeManifest.site('adler').fork();
    must(site.see(lieIn(beforeManifest, 'manifest', {})));
    expect(told(site.see(lieIn(beforeManifest, 'manifest', { commitBy: START + 1 })))).toMatch(
      /^refused E-STATEMENT-CHAIN/,
    );
  });

  it('a genesis on the initial weights of the contract', () => {
    const site = new MemorySite(released.sealed, organisationId('adler'));
    const { signer } = released.enclave.environment;
    must(site.handle({ type: 'trust-boot-key', bootKey: signer.publicKey }));
    const genesis = (change: object) =>
      linkedStatement('genesis', { like: released.enclave.statements(), after: null, signer, change });
    expect(told(site.see(genesis({ model: digestOf('poisoned') })))).toMatch(
      /^refused E-STATEMENT-CHAIN: genesis names other/,
    );
    expect(told(site.see(genesis({})))).toBe('');
  });

  it('a refusal changes nothing, the head included', () => {
    const site = beforeManifest.site('adler').fork();
    const before = site.state;
    site.see(lieIn(beforeManifest, 'manifest', { counter: 9 }));
    site.see(lieIn(beforeManifest, 'manifest', { parent: digestOf('other') }));
    expect(site.state).toBe(before);
  });
});

describe('PROTOCOL §7.2–7.3: which rounds a site joins', () => {
  it('on the newest released model only, and the next round only (A7)', () => {
    expect(show(beforeManifest, 'adler', 'manifest', {})).toBe('committed');
    const initial = beforeManifest.sealed.contract.model.initialDigest;
    expect(show(beforeManifest, 'adler', 'manifest', { parent: initial })).toMatch(/^refused E-PARENT-REUSED/);
    expect(show(beforeManifest, 'adler', 'manifest', { parent: initial, round: 1 })).toMatch(
      /^refused E-PARENT-REUSED/,
    );
    expect(show(beforeManifest, 'adler', 'manifest', { round: 3 })).toMatch(/^refused E-PARENT-REUSED/);
  });

  it('not after its deadline, nor in history that is only caught up', () => {
    const { commitMs } = beforeManifest.sealed.contract.deadlines;
    expect(show(beforeManifest, 'adler', 'manifest', {}, instant(START + commitMs - 1))).toBe('committed');
    expect(show(beforeManifest, 'adler', 'manifest', {}, instant(START + commitMs))).toBe('');
    const { endorsement } = beforeManifest.site('adler');
    const statement = lieIn(beforeManifest, 'manifest', {}).bytes;
    const caughtUp = beforeManifest
      .site('adler')
      .fork()
      .handle({ type: 'receive-statement', at: START, statement, live: false, endorsement, unaffordable: null });
    expect(told(caughtUp)).toBe('');
  });

  it('under the privacy plan of its contract only', () => {
    const { privacy } = noisyContract('site').contract;
    expect(show(beforeManifest, 'adler', 'manifest', { privacy })).toMatch(
      /^refused E-ROUND-MANIFEST: privacy differs/,
    );
  });

  it('not one that its budget does not cover: nobody waits for it (§7.5)', () => {
    const { endorsement } = beforeManifest.site('adler');
    const statement = lieIn(beforeManifest, 'manifest', {}).bytes;
    const unaffordable = refusal('E-BUDGET-SPENT', 'nothing is left');
    const asked = { type: 'receive-statement', at: START, statement, live: true, endorsement, unaffordable } as const;
    expect(told(beforeManifest.site('adler').fork().handle(asked))).toBe('declined E-BUDGET-SPENT: nothing is left');
  });

  it('not outside the validity of the contract', () => {
    const at = instant(START + 365 * DAY_MS);
    expect(show(beforeManifest, 'adler', 'manifest', { commitBy: at + 1 }, at)).toMatch(/^declined E-CONTRACT-EXPIRED/);
    const early = instant(START - 1);
    expect(show(beforeManifest, 'adler', 'manifest', {}, early)).toMatch(/^declined E-CONTRACT-EXPIRED/);
  });

  it('not after its withdrawal (§6.3)', () => {
    const site = withdrawn(beforeManifest.site('adler'));
    expect(told(site.see(lieIn(beforeManifest, 'manifest', {})))).toMatch(/^declined E-SITE-WITHDRAWN/);
  });

  it('not before the weights of the parent are here', () => {
    const site = released.site('adler').fork();
    const manifest = lieIn(released, 'manifest', { round: 3, parent: site.state.released.digest });
    expect(told(site.see(manifest))).toMatch(/^declined E-ROUND-PHASE: the weights/);
  });

  it('under its own conditions, with the manifest as head', () => {
    const overlay = { minimum: 4, requireCoParticipants: [organisationId('dogwood')] };
    const strict = new MemorySite(beforeManifest.sealed, organisationId('adler'), overlay);
    strict.state = beforeManifest.site('adler').state;
    const manifest = lieIn(beforeManifest, 'manifest', {});
    must(strict.see(manifest));
    const commit = must(openCommit(strict.activity('committed').commit)).document;
    expect(commit).toMatchObject({ minimum: 4, requireCoParticipants: ['dogwood'], head: headOf(manifest) });
    // A hospital may ask for less, but the contract's minimum stands.
    const lax = beforeManifest.site('birch').fork();
    must(lax.see(manifest));
    expect(must(openCommit(lax.activity('committed').commit)).document.minimum).toBe(3);
  });
});

describe('PROTOCOL §7.7: which models a site uses', () => {
  const release = () =>
    ({ type: 'receive-release', bundle: released.enclave.bundle(), weights: released.enclave.weights() }) as const;

  it('the one of the passport on its chain', () => {
    expect(told(released.site('adler').fork().handle(release()))).toBe('model-received');
  });

  it('not other weights, not weights of another length, not NaN', () => {
    const site = released.site('adler').fork();
    const { weights } = release();
    const other = weights.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
    expect(told(site.handle({ ...release(), weights: other }))).toMatch(/^refused E-RELEASE-INVALID: the weights/);
    expect(told(site.handle({ ...release(), weights: weights.subarray(4) }))).toMatch(/^refused E-MODEL-FILE/);
    expect(told(site.handle({ ...release(), weights: weights.map(() => 0xff) }))).toMatch(/^refused E-MODEL-FILE/);
  });

  it('not a bundle that is cut, or an older one', () => {
    const site = released.site('adler').fork();
    expect(told(site.handle({ ...release(), bundle: release().bundle.subarray(1) }))).toMatch(
      /^refused E-PASSPORT-INVALID/,
    );
    const older = beforeManifest.enclave;
    const stale = { type: 'receive-release', bundle: older.bundle(), weights: older.weights() } as const;
    expect(told(site.handle(stale))).toBe('');
    const fresh = new MemorySite(released.sealed, organisationId('adler'));
    expect(told(fresh.handle(stale))).toMatch(/^refused E-RELEASE-INVALID: it is not the newest release/);
  });

  it('not a release whose hospitals it has not confirmed', () => {
    const confirmedKeys = new Map(HOSPITALS.slice(0, 2).map((id) => [id, organisationSigner(id).publicKey]));
    const site = new MemorySite(released.sealed, organisationId('adler'), { confirmedKeys });
    site.state = released.site('adler').state;
    expect(told(site.handle(release()))).toMatch(/^refused E-RELEASE-INVALID: approvals by confirmed hospitals/);
  });

  it('not a release that names an update it never sent', () => {
    const site = released.site('adler').fork();
    site.state = { ...site.state, spent: new Map() };
    expect(told(site.handle(release()))).toBe(
      'refused E-RELEASE-INVALID: it names an update that this hospital did not send',
    );
  });

  it('no second release of one parent (A7)', () => {
    const parent = beforeManifest.site('adler').state.released.digest;
    expect(show(released, 'adler', 'release', { parent })).toMatch(/^refused E-PARENT-REUSED/);
    expect(show(released, 'adler', 'release', { parent, round: 3 })).toMatch(/^refused E-PARENT-REUSED/);
  });
});
