import { expect, test } from 'vitest';
import { privacySpent } from '../../../../cli/simulation/privacy-spent.ts';
import { epsilonOf } from '../../../../lib/privacy/epsilon.ts';
import { noisyContract } from '../../../support/noisy-contract.ts';
import { MemoryStudy, must } from '../../../support/study-in-memory.ts';
import { START, testContract } from '../../../support/test-contract.ts';

const sealed = noisyContract('enclave');
const study = new MemoryStudy(sealed);

study.run(1);
// All four are certified for round 2 and pay; the attempt comes to nothing, and the second goes on without the last.
study.open(2, 1);
study.commit();
study.lock();
must(study.enclave.handle({ type: 'abort-round', at: START }));
study.catchUp();
study.open(2, 2);
study.commit(study.sites.slice(0, 3));
study.lock();
study.upload(study.sites.slice(0, 3));
study.close();
study.acknowledge(study.sites.slice(0, 3));
study.deliver();
// In round 3 the last is not certified at all.
study.open(3);
study.commit(study.sites.slice(0, 3));
study.lock();

const spent = privacySpent(
  sealed,
  study.enclave.statements().map(({ bytes }) => bytes),
);
/** The plan of `noisyContract`, written out: one step a round. */
const after = (rounds: number): number => epsilonOf([{ samplingRate: 0.3, noiseMultiplier: 1.6, count: rounds }], 1e-5);

test('a hospital pays once for each model whose cohort it was certified for, aborted or not', () => {
  expect(spent.privacy?.roundsBySite).toEqual({
    adler: 3,
    birch: 3,
    cedar: 3,
    dogwood: 2,
  });
  expect(spent.epsilonBySite).toEqual({
    adler: after(3),
    birch: after(3),
    cedar: after(3),
    dogwood: after(2),
  });
  expect(spent.epsilon).toBe(after(3));
  expect(spent).toMatchObject({ delta: 1e-5, noise: 'enclave' });
  expect(after(3)).toBeLessThanOrEqual(2.5);
});

test('round by round, the rounds that were not released too', () => {
  const byRound = spent.privacy?.spentByRound ?? [];
  expect(byRound.map(({ round }) => round)).toEqual([1, 2, 3]);
  expect(byRound.map(({ epsilonBySite }) => epsilonBySite['adler'])).toEqual([1, 2, 3].map(after));
  expect(byRound.map(({ epsilonBySite }) => epsilonBySite['dogwood'])).toEqual([1, 2, 2].map(after));
});

test('the plan is told as the contract has it, on the grid', () => {
  expect(spent.privacy).toMatchObject({ target: 2.5, clip: 0.75, stepsPerRound: 1, step: 2 ** -12 });
  expect(spent.privacy?.deviation).toBe(Math.ceil(1.6 * (spent.privacy?.sensitivity ?? 0)));
});

test('without noise there is no ε of any kind', () => {
  const plain = testContract();
  const none = Object.fromEntries(plain.contract.organisations.map(({ id }) => [id, null]));
  expect(privacySpent(plain, [])).toEqual({
    epsilon: null,
    epsilonBySite: none,
    delta: null,
    noise: 'none',
    privacy: null,
  });
});
