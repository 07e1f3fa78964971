import { describe, expect, it } from 'vitest';
import { privacyPlan, type NoisePlan } from '../../../lib/contract/privacy-plan.ts';
import { sealContract, type StudyContract } from '../../../lib/contract/study-contract.ts';
import { organisationId, type OrganisationId } from '../../../lib/core/ids.ts';
import { noisePlan, noisyContract } from '../../support/noisy-contract.ts';
import { testContract } from '../../support/test-contract.ts';

const [adler, birch, cedar, dogwood] = ['adler', 'birch', 'cedar', 'dogwood'].map(organisationId) as [
  OrganisationId,
  OrganisationId,
  OrganisationId,
  OrganisationId,
];

describe('a contract with noise', () => {
  const refusedFor = (placement: NoisePlan['placement'], change: Partial<StudyContract>): string => {
    const result = sealContract({ ...noisyContract(placement).contract, ...change });
    return result.ok ? 'sealed' : `${result.error.code}: ${result.error.detail}`;
  };
  const records = (...ids: readonly OrganisationId[]): NoisePlan['publicRecords'] =>
    ids.map((organisation) => ({ organisation, records: 90 }));
  const withRecords = (...ids: readonly OrganisationId[]): Partial<StudyContract> => ({
    privacy: noisePlan('enclave', { publicRecords: records(...ids) }),
  });
  const training = noisyContract('enclave').contract.training;
  const { grid } = noisyContract('site').contract;

  it('is sealed for either placement, and may give its model to the coordinator', () => {
    expect(refusedFor('enclave', {})).toBe('sealed');
    expect(refusedFor('site', {})).toBe('sealed');
    expect(refusedFor('enclave', { releaseTo: 'sites+coordinator' })).toBe('sealed');
    expect(sealContract({ ...testContract().contract, releaseTo: 'sites+coordinator' }).ok).toBe(false);
  });

  it.each<[string, NoisePlan['placement'], Partial<StudyContract>, string]>([
    ['a hospital without published records', 'enclave', withRecords(adler, birch, cedar), 'publicRecords'],
    ['a hospital twice', 'enclave', withRecords(adler, birch, cedar, cedar), 'publicRecords'],
    ['a stranger', 'enclave', withRecords(adler, birch, cedar, organisationId('elm')), 'publicRecords'],
    ['mini-batches beside the sample', 'site', { training: { ...training, batchSize: 16 } }, 'training.batchSize'],
    ['a pull that the accountant does not know', 'site', { training: { ...training, proximalMu: 0.1 } }, 'proximalMu'],
    ['several steps on one noised sum', 'enclave', { training: { ...training, localSteps: 2 } }, 'localSteps'],
    ['weighted sums of gradients', 'enclave', { grid: { ...grid, weightCap: 2 } }, 'grid.weightCap'],
    ['a published weight above the cap', 'site', { grid: { ...grid, weightCap: 249 } }, 'grid.weightCap'],
  ])('is refused with %s', (_what, placement, change, field) => {
    expect(refusedFor(placement, change)).toMatch(/^E-CONTRACT-INVALID: /);
    expect(refusedFor(placement, change)).toContain(field);
  });

  it('counts every hospital once, in any order', () => {
    expect(refusedFor('enclave', withRecords(dogwood, adler, cedar, birch))).toBe('sealed');
    expect(refusedFor('site', { grid: { ...grid, weightCap: 250 } })).toBe('sealed');
  });

  it.each<[keyof NoisePlan, unknown]>([
    ['epsilon', 0],
    ['epsilon', 1001],
    ['delta', 0],
    ['delta', 0.011],
    ['samplingRate', 0],
    ['samplingRate', 1.01],
    ['clip', 0],
    ['noiseMultiplier', 0],
    ['noiseMultiplier', Number.POSITIVE_INFINITY],
    ['unit', 'patient'],
    ['neighbouring', 'replace-one'],
    ['publicRecords', []],
  ])('does not take %s: %j', (field, value) => {
    expect(privacyPlan.safeParse(noisePlan('site')).success).toBe(true);
    expect(privacyPlan.safeParse({ ...noisePlan('site'), [field]: value }).success).toBe(false);
  });
});
