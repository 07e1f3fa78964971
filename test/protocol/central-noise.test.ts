import { describe, expect, it } from 'vitest';
import { centralNoise } from '../../aggregator-enclave/central-noise.ts';
import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { privacyAsPromised } from '../../lib/audit/passport-privacy.ts';
import { openStatements, type PassportStatements } from '../../lib/audit/passport-statements.ts';
import { verifyPassport } from '../../lib/audit/passport.ts';
import { setRoot, sortContributions } from '../../lib/audit/set-root.ts';
import type { Release } from '../../lib/audit/statement.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import type { Result } from '../../lib/core/result.ts';
import { averageDelta } from '../../lib/learning/integer-sum.ts';
import { encodeUpdate, joinUpdate } from '../../lib/learning/update-codec.ts';
import { brokenPromise, epsilonAfter, mechanismOf, type Mechanism } from '../../lib/privacy/mechanism.ts';
import { noisePlan, noisyContract } from '../support/noisy-contract.ts';
import { EVERY_BOOT_IS_GENUINE, MemoryStudy, must } from '../support/study-in-memory.ts';
import { digestOf, testContract } from '../support/test-contract.ts';
import { told } from './round-stages.ts';

const sealed = noisyContract('enclave');
const mechanism = mechanismOf(sealed.contract) ?? fail();
const said = (result: Result<null, Refusal>): string =>
  result.ok ? 'fine' : `${result.error.code}: ${result.error.detail}`;
function fail(): never {
  throw new Error('a contract with noise has a mechanism');
}

/** A study whose first round collects; `studyOf(...)` may be another contract. */
function collecting(study = new MemoryStudy(sealed)): MemoryStudy {
  study.open(1);
  study.commit();
  study.lock();
  return study;
}

/** What one finished round added to the noiseless step, in steps of the grid. */
function addedNoise(study: MemoryStudy): number[] {
  const { state } = study.enclave;
  if (state.phase !== 'collecting') throw new Error(`the enclave is ${state.phase}`);
  const parent = state.ledger.model.content?.weights ?? fail();
  const { grid, training, strategy } = study.sealed.contract;
  const { sum } = state;
  study.close();
  study.acknowledge();
  const { state: after } = study.enclave;
  if (after.phase !== 'released') throw new Error(`the enclave is ${after.phase}`);
  const child = after.ledger.model.content?.weights ?? fail();
  // 0.3 of the 700 records that the four hospitals publish.
  const scale = (training.learningRate * strategy.serverLearningRate * 2 ** grid.stepLog2) / 210;
  return Array.from(child, (weight, i) => (weight - (parent[i] ?? 0)) / scale - (sum.coordinates[i] ?? 0));
}

describe('PROTOCOL §7.6: central noise', () => {
  it('is one draw of integers on the sum, divided by the batch that the contract publishes', () => {
    const study = collecting();
    study.upload();
    const { state, environment } = study.enclave;
    if (state.phase !== 'collecting') throw new Error('not collecting');
    const root = setRoot(sortContributions([...state.accepted.values()]));
    const drawn = centralNoise(environment, { mechanism, parent: state.manifest.statement.parent, setRoot: root });
    expect([...drawn].every(Number.isSafeInteger)).toBe(true);
    // Weights are float32, with 24 bits.
    addedNoise(study).forEach((steps, i) => {
      expect(Math.abs(steps - (drawn[i] ?? 0))).toBeLessThan(0.5);
    });
  });

  it('is the same for the same set, and another for another set, parent, contract, plan and root', () => {
    const { environment } = new MemoryStudy(sealed).enclave;
    const other = new MemoryStudy(noisyContract('enclave', { retentionDays: 31 })).enclave.environment;
    const parent = digestOf('parent');
    const draw = { mechanism, parent, setRoot: digestOf('set') };
    const stronger: Mechanism = { ...mechanism, deviation: mechanism.deviation + 1 };
    const drawn = [
      centralNoise(environment, draw),
      centralNoise(environment, { ...draw, setRoot: digestOf('another set') }),
      centralNoise(environment, { ...draw, parent: digestOf('another parent') }),
      centralNoise(environment, { ...draw, mechanism: stronger }),
      centralNoise(other, draw),
      centralNoise({ ...environment, noiseRoot: digestOf('another root') }, draw),
    ].map((noise) => noise.join());
    expect(new Set(drawn).size).toBe(drawn.length);
    expect(centralNoise(environment, draw).join()).toBe(drawn[0]);
  });

  it('has the deviation of the receipt: neither its square nor its root nor half of it', () => {
    const { environment } = new MemoryStudy(sealed).enclave;
    const draws = Array.from({ length: 600 }, (_, i) =>
      centralNoise(environment, { mechanism, parent: digestOf('parent'), setRoot: digestOf(`set ${i}`) }),
    ).flatMap((noise) => [...noise]);
    const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length;
    // 1800 values: the variance is within 12 % and the mean within 0.1 deviations but for one run in 10,000.
    expect(Math.sqrt(variance) / mechanism.deviation).toBeGreaterThan(0.94);
    expect(Math.sqrt(variance) / mechanism.deviation).toBeLessThan(1.06);
    expect(Math.abs(mean) / mechanism.deviation).toBeLessThan(0.1);
    expect(mechanism.deviation).toBe(Math.ceil(1.6 * mechanism.sensitivity));
    // C in steps, a 64th for float32 and √3 for rounding three coordinates.
    expect(mechanism.sensitivity).toBe(Math.ceil(0.75 * 4096 * (1 + 1 / 64) + Math.sqrt(3)));
  });

  it('is not added where hospitals add their own, and their published records are the weights', () => {
    const study = collecting(new MemoryStudy(noisyContract('site')));
    study.upload();
    const { state } = study.enclave;
    if (state.phase !== 'collecting') throw new Error('not collecting');
    expect(state.sum.totalWeight).toBe(100 + 150 + 200 + 250);
    const parent = state.ledger.model.content?.weights ?? fail();
    const { grid, strategy } = study.sealed.contract;
    const want = averageDelta(state.sum, grid).map((delta, i) =>
      Math.fround((parent[i] ?? 0) + strategy.serverLearningRate * delta),
    );
    study.close();
    study.acknowledge();
    const { state: after } = study.enclave;
    expect(after.phase === 'released' && Array.from(after.ledger.model.content?.weights ?? [])).toEqual(
      Array.from(want),
    );
  });
});

describe('an update under a contract with noise', () => {
  const send = (placement: 'site' | 'enclave', fields: { weight: number; trainLoss: number }): string => {
    const study = collecting(new MemoryStudy(noisyContract(placement)));
    const plaintext = encodeUpdate({ ...fields, coordinates: Int32Array.of(5, -3, 2) });
    return told(study.uploadOne(study.site('birch'), joinUpdate(digestOf('salt'), plaintext)));
  };

  it('tells nothing but its coordinates: another weight or a loss is refused', () => {
    expect(send('enclave', { weight: 1, trainLoss: 0 })).toBe('done');
    expect(send('enclave', { weight: 1, trainLoss: 0.25 })).toMatch(/^E-UPDATE-BOUND: training loss/);
    expect(send('enclave', { weight: 2, trainLoss: 0 })).toBe('E-UPDATE-BOUND: weight');
    expect(send('site', { weight: 150, trainLoss: 0 })).toBe('done');
    expect(send('site', { weight: 151, trainLoss: 0 })).toMatch(/^E-UPDATE-BOUND: weight: not the one/);
    expect(send('site', { weight: 150, trainLoss: 1e-9 })).toMatch(/^E-UPDATE-BOUND: training loss/);
  });

  it('is refused when its sum is longer than a hospital’s records can make it (A11)', () => {
    const bounded = noisyContract('enclave', {
      grid: { stepLog2: -12, coordinateBound: 2 ** 20, weightCap: 1, l2Bound: 1000 },
    });
    const sum = (...coordinates: number[]): Uint8Array =>
      joinUpdate(
        digestOf('salt'),
        encodeUpdate({ weight: 1, trainLoss: 0, coordinates: Int32Array.from(coordinates) }),
      );
    const study = collecting(new MemoryStudy(bounded));
    expect(told(study.uploadOne(study.site('birch'), sum(600, 800, 1)))).toBe('E-UPDATE-BOUND: L2 norm');
    expect(told(study.uploadOne(study.site('cedar'), sum(600, -800, 0)))).toBe('done');
  });
});

describe('PROTOCOL §7.2, §7.7: what is said of noise and ε', () => {
  const study = new MemoryStudy(sealed);
  study.run(1);
  study.run(2);
  const bundle = must(decodeBundle(study.enclave.bundle()));
  const statements = must(openStatements(bundle));
  const organisationKeys = new Map(sealed.contract.organisations.map(({ id, key }) => [id, key]));

  it('stands in manifest and passport, and a verifier recomputes it', () => {
    const [one, two] = [epsilonAfter(mechanism, 1), epsilonAfter(mechanism, 2)];
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThan(one);
    expect(statements.manifest.statement.ledger).toEqual({ epsilonBefore: one, epsilonAfter: two });
    expect(statements.release.statement).toMatchObject({
      noise: {
        mechanism: 'discrete-gaussian',
        placement: 'enclave',
        sensitivity: mechanism.sensitivity,
        deviation: mechanism.deviation,
        samplingRate: 0.3,
        steps: 1,
      },
      epsilonSpent: two,
      epsilonLeft: 2.5 - two,
    });
    const report = verifyPassport(bundle, { organisationKeys, appraise: EVERY_BOOT_IS_GENUINE });
    expect(report.checks.find(({ name }) => name === 'noise and privacy spent')).toMatchObject({ passed: true });
    expect(report.passed).toBe(true);
  });

  const lying = (change: Partial<Release>): PassportStatements => ({
    ...statements,
    release: { ...statements.release, statement: { ...statements.release.statement, ...change } },
  });
  const { noise, epsilonSpent } = statements.release.statement;

  it.each<[string, Partial<Release>]>([
    ['less spent', { epsilonSpent: (epsilonSpent ?? 0) * 0.999 }],
    ['nothing spent', { epsilonSpent: 0 }],
    ['no epsilon at all', { epsilonSpent: null, epsilonLeft: null }],
    ['more left', { epsilonLeft: 2.5 }],
    ['no receipt', { noise: null }],
    ['more noise than there is', { noise: noise === null ? null : { ...noise, deviation: noise.deviation + 1 } }],
    ['a smaller sensitivity', { noise: noise === null ? null : { ...noise, sensitivity: noise.sensitivity - 1 } }],
    ['another placement', { noise: noise === null ? null : { ...noise, placement: 'site' } }],
  ])('is not believed when the passport says %s', (_what, change) => {
    expect(said(privacyAsPromised(lying(change), sealed))).toMatch(/^E-PASSPORT-INVALID/);
    expect(privacyAsPromised(lying({}), sealed).ok).toBe(true);
  });

  it('is not believed when the manifest announces another price', () => {
    const ledger = { epsilonBefore: 0, epsilonAfter: 0 };
    const manifest = { ...statements.manifest, statement: { ...statements.manifest.statement, ledger } };
    expect(said(privacyAsPromised({ ...statements, manifest }, sealed))).toMatch(/^E-PASSPORT-INVALID/);
  });

  it('is null without noise', () => {
    const plain = new MemoryStudy(testContract());
    plain.run(1);
    const opened = must(openStatements(must(decodeBundle(plain.enclave.bundle()))));
    expect(opened.manifest.statement.ledger).toBeNull();
    expect(opened.release.statement).toMatchObject({ noise: null, epsilonSpent: null, epsilonLeft: null });
    expect(privacyAsPromised(opened, plain.sealed).ok).toBe(true);
    const claimed = {
      ...opened,
      release: { ...opened.release, statement: { ...opened.release.statement, epsilonSpent: 0 } },
    };
    expect(said(privacyAsPromised(claimed, plain.sealed))).toMatch(/^E-PASSPORT-INVALID/);
  });
});

describe('a plan that does not keep its own ε', () => {
  const weak = noisyContract('enclave', { privacy: noisePlan('enclave', { noiseMultiplier: 1.5 }) });

  it('is called broken, with the ε that it gives', () => {
    expect(brokenPromise(sealed.contract)).toBeNull();
    expect(brokenPromise(noisyContract('site').contract)).toBeNull();
    expect(brokenPromise(testContract().contract)).toBeNull();
    expect(brokenPromise(weak.contract)).toMatch(/epsilon of 2\.58\d\d, not the 2\.5/);
    const endless = noisyContract('enclave', { rounds: 4 });
    expect(brokenPromise(endless.contract)).toMatch(/not the 2\.5/);
    const fine = noisyContract('enclave', {
      grid: { stepLog2: -40, coordinateBound: 2 ** 30, weightCap: 1, l2Bound: 2 ** 30 },
    });
    expect(brokenPromise(fine.contract)).toMatch(/coarser step/);
  });

  it('makes no passport valid', () => {
    const study = collecting(new MemoryStudy(weak));
    study.upload();
    study.close();
    study.acknowledge();
    expect(() => {
      study.deliver();
    }).toThrow('E-RELEASE-INVALID: noise and privacy spent');
    const opened = must(openStatements(must(decodeBundle(study.enclave.bundle()))));
    expect(said(privacyAsPromised(opened, weak))).toMatch(/^E-PASSPORT-INVALID: privacy: the noise gives/);
  });
});
