import { beforeAll, describe, expect, it } from 'vitest';
import { isDurable } from '../../../aggregator-enclave/event.ts';
import { evolve } from '../../../aggregator-enclave/evolve.ts';
import { INITIAL_STATE, type EnclaveState } from '../../../aggregator-enclave/state.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { sealContract, type SealedContract } from '../../../lib/contract/study-contract.ts';
import { initialWeights } from '../../../lib/learning/initial-weights.ts';
import { readBack } from '../../support/read-back.ts';
import { MemoryEnclave, MemoryStudy, must } from '../../support/study-in-memory.ts';
import { digestOf, START, testContract } from '../../support/test-contract.ts';

/** Where an attempt can end, each as the study stands there. */
const stages = new Map<string, MemoryStudy>();
const STAGES = [
  'nobody committed',
  'all committed',
  'certificate signed',
  'one update in',
  'all updates in',
  'intent signed',
  'all but one acknowledged',
] as const;
let undisturbed: string;

beforeAll(() => {
  const study = new MemoryStudy(threeOf(testContract()));
  const keep = (stage: (typeof STAGES)[number]): void => void stages.set(stage, study.fork());
  study.run(1);
  study.open(2);
  keep('nobody committed');
  study.commit();
  keep('all committed');
  study.lock();
  keep('certificate signed');
  study.upload(study.sites.slice(0, 1));
  keep('one update in');
  study.upload(study.sites.slice(1));
  keep('all updates in');
  study.close();
  keep('intent signed');
  study.acknowledge(study.sites.slice(1));
  keep('all but one acknowledged');
  study.acknowledge(study.sites.slice(0, 1));
  study.deliver();
  undisturbed = modelOf(study);
});

describe('PROTOCOL §7.8: an attempt that ended is tried again on the same parent with the same bytes', () => {
  it.each(STAGES.slice(0, 5))('stopped when %s: the next attempt gives the same model', (stage) => {
    const study = forkAt(stage);
    must(study.enclave.handle({ type: 'abort-round', at: START }));
    study.catchUp();
    for (const site of study.sites) expect(site.state.activity.phase).toBe('waiting');
    secondAttempt(study);
    expect(modelOf(study)).toBe(undisturbed);
    expect(releasesOf(study)).toEqual([1, 2]);
  });
});

describe('PROTOCOL §7.8: the enclave is killed and boots again from what it stored', () => {
  it.each(STAGES.slice(0, 5))('when %s: it aborts, and the next attempt gives the same model', (stage) => {
    const study = reboot(forkAt(stage));
    const newest = study.enclave.statements().at(-1)?.statement;
    expect(newest?.type === 'abort' && newest.code).toBe('E-ENCLAVE-RESTARTED');
    study.catchUp();
    secondAttempt(study);
    expect(modelOf(study)).toBe(undisturbed);
    expect(releasesOf(study)).toEqual([1, 2]);
    // Signed by two boots: both are vouched for in the bundle.
    expect(new Set(study.enclave.statements().map(({ statement }) => toHex(statement.bootKey))).size).toBe(2);
  });

  it.each(STAGES.slice(5))('when %s: the sealed result is finished, never computed again', (stage) => {
    const study = reboot(forkAt(stage));
    expect(study.enclave.state.phase).toBe('committed');
    const { enclave, sites } = study;
    const acknowledged = enclave.state.phase === 'committed' ? enclave.state.acknowledgements : new Map();
    study.acknowledge(sites.filter((site) => !acknowledged.has(site.environment.organisation)));
    study.deliver(sites.slice(0, 1));
    expect(modelOf(study)).toBe(undisturbed);
    expect(releasesOf(study)).toEqual([1, 2]);
  });

  it.each(STAGES.slice(5))('when %s: neither a stop nor another attempt gives the sealed result up', (stage) => {
    const study = reboot(forkAt(stage));
    expect(study.enclave.handle({ type: 'abort-round', at: START })).toMatchObject({
      error: { code: 'E-ROUND-SEALED' },
    });
    expect(study.enclave.handle({ type: 'open-round', at: START, round: 2, attempt: 2 })).toMatchObject({
      error: { code: 'E-ROUND-SEALED' },
    });
    expect(study.enclave.state.phase).toBe('committed');
  });

  it('before genesis it begins, and after a release it goes on from there', () => {
    const study = new MemoryStudy(threeOf(testContract()));
    study.run(1);
    const released = reboot(study);
    expect(released.enclave.state.phase).toBe('released');
    released.run(2);
    expect(modelOf(released)).toBe(undisturbed);
  });
});

describe('PROTOCOL §7.8: a site that restarts between attempts', () => {
  it('debits once for one parent, however often the round is tried', () => {
    const study = forkAt('all updates in');
    for (const attempt of [2, 3]) {
      must(study.enclave.handle({ type: 'abort-round', at: START }));
      study.catchUp();
      study.open(2, attempt);
      study.commit();
      study.lock();
      study.upload();
    }
    study.close();
    study.acknowledge();
    study.deliver(study.sites.slice(0, 1));
    expect(modelOf(study)).toBe(undisturbed);
    for (const { log } of study.sites) expect(log.filter(({ type }) => type === 'debited')).toHaveLength(2);
  });
});

function forkAt(stage: (typeof STAGES)[number]): MemoryStudy {
  const study = stages.get(stage);
  if (study === undefined) throw new Error(`no stage ${stage}`);
  return study.fork();
}

function secondAttempt(study: MemoryStudy): void {
  study.open(2, 2);
  study.commit();
  study.lock();
  // In another order than the first time.
  study.upload([...study.sites].reverse());
  study.close();
  study.acknowledge();
  study.deliver(study.sites.slice(0, 1));
}

/** A fresh process of the same program: another boot key, and of the state only what was stored. */
function reboot(study: MemoryStudy): MemoryStudy {
  const { sealed, enclave } = study;
  const successor = new MemoryEnclave(sealed, 'second boot');
  const { environment } = successor;
  successor.state = readBack(environment, enclave.log);
  successor.log.push(...enclave.log.filter(isDurable));
  must(
    successor.handle({
      type: 'boot',
      at: START,
      noiseRoot: digestOf('noise root'),
      initialWeights: initialWeights(sealed.contract.model.spec),
    }),
  );
  must(successor.handle({ type: 'record-publication', publication: successor.publication() }));
  const after = Object.assign(study.fork(), { enclave: successor });
  for (const site of after.sites) must(site.handle({ type: 'trust-boot-key', bootKey: environment.signer.publicKey }));
  expect(foldDurable(successor)).toEqual(successor.state);
  return after;
}

function foldDurable({ environment, log }: MemoryEnclave): EnclaveState {
  return log.filter(isDurable).reduce<EnclaveState>((state, event) => evolve(environment, state, event), INITIAL_STATE);
}

function modelOf(study: MemoryStudy): string {
  const [site] = study.sites;
  if (site?.state.model.round !== 2) throw new Error('the second round is not over');
  return toHex(site.state.model.digest);
}

/** Fewer hospitals than elsewhere: every attempt costs each of them a dozen signatures. */
function threeOf({ contract }: SealedContract): SealedContract {
  return must(sealContract({ ...contract, organisations: contract.organisations.slice(0, 3), kMin: 2 }));
}

function releasesOf(study: MemoryStudy): number[] {
  return study.enclave.statements().flatMap(({ statement }) => (statement.type === 'release' ? [statement.round] : []));
}
