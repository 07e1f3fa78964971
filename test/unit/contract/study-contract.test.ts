import { describe, expect, it } from 'vitest';
import {
  contractDigest,
  openContract,
  sealContract,
  type StudyContract,
} from '../../../lib/contract/study-contract.ts';
import { encodeDocument } from '../../../lib/contract/shapes.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { DAY_MS, digestOf, START, testContract } from '../../support/test-contract.ts';
import { outcome } from './outcome.ts';

const { contract, bytes, digest } = testContract();
const sealing = (change: Partial<StudyContract>): string => outcome(sealContract({ ...contract, ...change }));
const policy = (platform: 'simulated' | 'sev-snp'): StudyContract['appraisal']['site'] => ({
  platforms: [platform],
  measurements: [digestOf('program')],
  instances: null,
  minSvn: 0,
  evidence: null,
});
const simulated = policy('simulated');
const DOCUMENT = { format: 'consilium/attestation-policy/v1', 'sev-snp': { measurements: ['5e'.repeat(48)] } };
const genuine = { ...policy('sev-snp'), measurements: [], evidence: DOCUMENT };
const bothSides = (change: Partial<StudyContract['appraisal']['site']>): Partial<StudyContract> => ({
  environment: 'production',
  appraisal: { enclave: genuine, site: { ...genuine, ...change } },
});
const [first, second, ...rest] = contract.organisations;
if (first === undefined || second === undefined) throw new Error('two organisations');

describe('PROTOCOL §6: the contract', () => {
  it('is named by the digest of its bytes', () => {
    const opened = openContract(bytes);
    expect(opened.ok && opened.value.contract).toEqual(contract);
    expect(toHex(digest)).toBe(toHex(contractDigest(bytes)));
    expect(toHex(testContract({ rounds: 4 }).digest)).not.toBe(toHex(digest));
  });

  it.each<[string, Partial<StudyContract>, string]>([
    ['an organisation twice', { organisations: [first, { ...second, id: first.id }, ...rest] }, 'an id stands twice'],
    ['one key for two', { organisations: [first, { ...second, key: first.key }, ...rest] }, 'a key stands twice'],
    ['a minimum above the number of organisations', { kMin: 5 }, 'kMin: more than there are organisations'],
    ['a cohort of one, whose sum is one update', { kMin: 1 }, 'the sum of one hospital is its update'],
    ['as many tolerated colluders as members', { toleratedColluders: 3 }, 'toleratedColluders: as many as kMin'],
    [
      'a deadline that no timer can wait for',
      { deadlines: { ...contract.deadlines, uploadMs: 2 ** 31 } },
      'deadlines.uploadMs',
    ],
    [
      'machines, but none of them',
      { appraisal: { ...contract.appraisal, site: { ...contract.appraisal.site, instances: [] } } },
      'appraisal.site.instances',
    ],
    [
      'a strategy whose step may be infinite',
      { strategy: { name: 'fedadam', serverLearningRate: 1, beta1: 0.9, beta2: 0.99, tau: 1e-300 } },
      'strategy.tau',
    ],
    [
      'a model that fits no message',
      {
        model: {
          ...contract.model,
          spec: {
            ...contract.model.spec,
            layers: [
              { units: 16_384, activation: 'relu' },
              { units: 16_384, activation: 'relu' },
              { units: 1, activation: 'sigmoid' },
            ],
          },
        },
      },
      'more than 8000000 parameters',
    ],
    ['a required stranger', { requireSites: [organisationId('elm')] }, 'requireSites: not among'],
    ['an empty validity', { validity: { notBefore: START, notAfter: START } }, 'validity: ends before it begins'],
    [
      'a reversed validity',
      { validity: { notBefore: instant(START + DAY_MS), notAfter: START } },
      'validity: ends before it begins',
    ],
    ['a release to the coordinator without noise', { releaseTo: 'sites+coordinator' }, 'releaseTo: without noise'],
    [
      'a model with other inputs than the schema has features',
      { model: { ...contract.model, spec: { ...contract.model.spec, inputs: 3 } } },
      'model.spec.inputs: differs',
    ],
    ['simulated evidence in production', { environment: 'production' }, 'appraisal: simulated evidence'],
    [
      'genuine evidence in simulation',
      { appraisal: { enclave: genuine, site: genuine } },
      'appraisal: simulated evidence',
    ],
    [
      'simulated evidence on one side of a production study',
      { environment: 'production', appraisal: { enclave: genuine, site: simulated } },
      'appraisal: simulated evidence',
    ],
  ])('is refused with %s', (_, change, why) => {
    expect(sealing(change)).toMatch(/^E-CONTRACT-INVALID/);
    expect(sealing(change)).toContain(why);
  });

  it('is accepted for production when both sides bring hardware', () => {
    expect(sealing({ environment: 'production', appraisal: { enclave: genuine, site: genuine } })).toBe('opened');
  });

  it('is refused when a sum could lose digits', () => {
    const grid = { ...contract.grid, coordinateBound: 2 ** 31 - 1, weightCap: 2 ** 21 };
    expect(sealing({ grid })).toBe('E-CONTRACT-OVERFLOW: grid');
    expect(sealing({ grid: { ...grid, weightCap: 2 ** 20 } })).toBe('opened');
    // The same grid fits fewer organisations.
    expect(sealing({ grid, organisations: [first, second], kMin: 2 })).toBe('opened');
  });

  it.each<[string, object]>([
    ['no round', { rounds: 0 }],
    ['no organisation', { organisations: [] }],
    ['a minimum of nothing', { kMin: 0 }],
    ['re-attestation more often than every 30 s', { reattestIntervalMs: 29_999 }],
    ['re-attestation less often than hourly', { reattestIntervalMs: 3_600_001 }],
    ['a negative tolerance', { toleratedColluders: -1 }],
    ['a deadline of nothing', { deadlines: { ...contract.deadlines, uploadMs: 0 } }],
    ['an unknown field', { note: 'hello' }],
    ['an unknown environment', { environment: 'test' }],
    ['another format', { format: 'consilium/contract/v2' }],
    ['an id with capitals', { organisations: [{ ...first, id: 'Adler' }, second, ...rest] }],
    ['a key of 31 bytes', { organisations: [{ ...first, key: first.key.subarray(1) }, second, ...rest] }],
    ['no reference value', { appraisal: { enclave: { ...simulated, measurements: [] }, site: simulated } }],
    ['hardware without a policy document', bothSides({ evidence: null })],
    [
      'a policy document for simulated evidence',
      { appraisal: { enclave: { ...simulated, evidence: DOCUMENT }, site: simulated } },
    ],
    ['simulated and real platforms in one policy', bothSides({ platforms: ['sev-snp', 'simulated'] })],
    ['a platform whose evidence cannot be bound to a session', bothSides({ platforms: ['azure', 'tdx'] })],
    ['a GPU as the machine itself', bothSides({ platforms: ['nvidia-gpu'] })],
    ['measurements beside a policy document', bothSides({ measurements: [digestOf('program')] })],
    ['machines beside a policy document', bothSides({ instances: ['chip'] })],
    ['a policy document with bytes in it', bothSides({ evidence: { pcrs: [new Uint8Array(48)] } })],
    ['a policy document that is a list', bothSides({ evidence: [] as never })],
    [
      'a policy document without end',
      bothSides({ evidence: { texts: Array.from({ length: 3000 }, () => 'x'.repeat(100)) } }),
    ],
  ])('is refused with %s', (_, change) => {
    const opened = openContract(encodeDocument({ ...contract, ...change }));
    expect(outcome(opened)).toMatch(/^E-CONTRACT-INVALID/);
  });

  it('is refused cut, extended or re-ordered', () => {
    expect(outcome(openContract(bytes.subarray(0, -1)))).toMatch(/^E-CONTRACT-INVALID: truncated/);
    expect(outcome(openContract(Uint8Array.of(...bytes, 0)))).toMatch(/^E-CONTRACT-INVALID: trailing-bytes/);
    expect(outcome(openContract(new Uint8Array(5 << 20)))).toMatch(/^E-CONTRACT-INVALID: too-large/);
  });
});
