import { describe, expect, it } from 'vitest';
import { resultCommitment } from '../../../lib/audit/passport.ts';
import { setRoot } from '../../../lib/audit/set-root.ts';
import type { SignedStatement, Statement } from '../../../lib/audit/statement.ts';
import { hash } from '../../../lib/core/hash.ts';
import { instant } from '../../../lib/core/ids.ts';
import { modelDigest } from '../../../lib/learning/weights.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { digestOf, START, testContract } from '../../support/test-contract.ts';

const MINUTE = 60_000;
const later = (minutes: number): typeof START => instant(START + minutes * MINUTE);

/** Round 1 with every answer in the opposite order of the ids, each step a minute after the one before. */
function round(): MemoryStudy {
  const study = new MemoryStudy(testContract());
  const arrival = study.sites.toReversed();
  study.open(1, 1, later(1));
  study.commit(arrival, later(1));
  study.lock(later(2));
  study.upload(arrival.slice(0, 3));
  study.close(later(3));
  study.acknowledge(arrival.slice(0, 3), later(4));
  return study;
}

describe('PROTOCOL §7: what the enclave signs', () => {
  it('is, for a round that is released: each statement whole, each behind the one before', () => {
    const study = round();
    const { sealed, enclave } = study;
    const { contract, digest } = sealed;
    const [genesis, manifest, certificate, intent, release] = enclave.statements() as [
      SignedStatement,
      SignedStatement,
      SignedStatement,
      SignedStatement,
      SignedStatement,
    ];
    const link = (counter: number, previous: SignedStatement | null): object => ({
      format: 'consilium/statement/v1',
      contract: digest,
      counter,
      previous: previous?.digest ?? null,
      bootKey: enclave.environment.signer.publicKey,
    });
    const first = { round: 1, attempt: 1 };
    expect(genesis.statement).toEqual({
      ...link(0, null),
      type: 'genesis',
      at: START,
      noiseRoot: hash('noise-root', digestOf('noise root')),
      model: contract.model.initialDigest,
      predecessor: null,
    });
    expect(manifest.statement).toEqual({
      ...link(1, genesis),
      type: 'manifest',
      ...first,
      at: later(1),
      parent: contract.model.initialDigest,
      privacy: contract.privacy,
      ledger: null,
      commitBy: START + MINUTE + contract.deadlines.commitMs,
    });
    const members = study.sites.map((site) => {
      const { organisation } = site.environment;
      const commit = site.log.findLast(({ type }) => type === 'committed');
      if (commit?.type !== 'committed' || enclave.state.phase === 'unborn') throw new Error('nobody has committed');
      const approval = enclave.state.ledger.approvals.get(organisation);
      return { organisation, commit: commit.commit, endorsement: site.endorsement, approval };
    });
    expect(certificate.statement).toEqual({
      ...link(2, manifest),
      type: 'certificate',
      ...first,
      at: later(2),
      manifest: manifest.digest,
      members,
    });
    const accepted = study.sites.slice(1).map((site) => {
      const [commit] = [...site.state.spent.values()];
      return { organisation: site.environment.organisation, commit };
    });
    if (enclave.state.phase !== 'released') throw new Error('not released');
    const { model, latest } = enclave.state.ledger;
    if (model.content === null) throw new Error('no weights');
    const child = modelDigest(enclave.environment.layout.digest, model.content.weights);
    expect(intent.statement).toEqual({
      ...link(3, certificate),
      type: 'intent',
      ...first,
      at: later(3),
      certificate: certificate.digest,
      setRoot: setRoot(accepted as Parameters<typeof setRoot>[0]),
      members: accepted,
      result: resultCommitment(digestOf('result salt'), child),
    });
    expect(release.statement).toEqual({
      ...link(4, intent),
      type: 'release',
      ...first,
      at: later(4),
      intent: intent.digest,
      certificate: certificate.digest,
      parent: contract.model.initialDigest,
      child,
      resultSalt: digestOf('result salt'),
      cohortSize: 3,
      noise: null,
      epsilonSpent: null,
      epsilonLeft: null,
      software: digestOf('program'),
    });
    expect(model).toMatchObject({ round: 1, digest: child, fixedBy: intent.digest });
    expect(latest).toMatchObject({ manifest, certificate, intent, release });
    expect(latest?.acknowledgements).toHaveLength(3);
  });

  it('is, for an attempt that is given up: which one, on which parent, and why', () => {
    const study = new MemoryStudy(testContract());
    study.run(1);
    study.open(2, 7);
    must(study.enclave.handle({ type: 'abort-round', at: later(5) }));
    const manifest = study.enclave.statements().at(-2);
    const abort = study.enclave.statements().at(-1);
    expect(abort?.statement).toMatchObject({
      type: 'abort',
      counter: 6,
      previous: manifest?.digest ?? null,
      at: later(5),
      round: 2,
      attempt: 7,
      parent: study.site('adler').state.model.digest,
      code: 'E-ROUND-STOPPED',
    } satisfies Partial<Statement>);
    expect(study.enclave.state).toMatchObject({ phase: 'aborted', ledger: { attempts: 7 } });
  });
});
