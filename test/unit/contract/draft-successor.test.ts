import { describe, expect, it } from 'vitest';
import { draftSuccessor, type LastRelease, type SuccessorDraft } from '../../../lib/contract/draft-successor.ts';
import { openContract, type SealedContract } from '../../../lib/contract/study-contract.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { DAY_MS, digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';
import { noisyContract } from '../../support/noisy-contract.ts';
import { must } from '../../support/study-in-memory.ts';
import { freshStart } from '../../support/successor-contract.ts';
import { outcome } from './outcome.ts';

const previous = testContract({ rounds: 5 });
const release: LastRelease = { round: 2, head: { counter: 8, digest: digestOf('release') }, child: digestOf('child') };
const at = instant(START + 40 * DAY_MS);
const policy = (program: string): SuccessorDraft['appraisal']['site'] => ({
  ...previous.contract.appraisal.site,
  measurements: [digestOf(program)],
});
const appraisal = { enclave: policy('new enclave'), site: policy('new site') };
const draft = (change: Partial<SuccessorDraft> = {}) => draftSuccessor({ previous, release, appraisal, at, ...change });
const drafted = (change: Partial<SuccessorDraft> = {}): SealedContract => must(draft(change));

describe('PROTOCOL §6.1: a successor contract', () => {
  it('keeps every term, names its past, and goes on from the released model for the rounds that were left', () => {
    const { contract, bytes } = drafted();
    expect(contract).toEqual({
      ...previous.contract,
      rounds: 3,
      model: { ...previous.contract.model, initialDigest: release.child },
      appraisal,
      validity: { notBefore: at, notAfter: at + 365 * DAY_MS },
      predecessor: { contract: previous.digest, head: release.head, round: 2 },
    });
    expect(outcome(openContract(bytes))).toBe('opened');
    expect(toHex(drafted().digest)).not.toBe(toHex(previous.digest));
  });

  it('takes hospitals, smallest cohort, rounds and validity from the drafter', () => {
    const organisations = previous.contract.organisations.slice(0, 3);
    const { contract } = drafted({ organisations, kMin: 2, rounds: 40, validityMs: 9 * DAY_MS });
    expect(contract).toMatchObject({ organisations, kMin: 2, rounds: 40 });
    expect(contract.validity).toEqual({ notBefore: at, notAfter: at + 9 * DAY_MS });
  });

  it('keeps the noise, and the published records of the hospitals that stay', () => {
    const noisy = noisyContract('enclave');
    const { privacy } = noisy.contract;
    if (privacy.placement === 'none') throw new Error('noise');
    const organisations = noisy.contract.organisations.slice(1);
    const { contract } = drafted({ previous: noisy, organisations, kMin: 2 });
    expect(contract.privacy).toEqual({ ...privacy, publicRecords: privacy.publicRecords.slice(1) });
    // Nobody has said how many records a hospital publishes that joins.
    const joins = { previous: noisy, organisations: [...organisations, fifth] };
    expect(outcome(draft(joins))).toContain('E-CONTRACT-INVALID: privacy.publicRecords: not once for each');
  });

  it('begins anew with other weights, for as many rounds as the study had', () => {
    const beginAnew = freshStart(previous);
    const { contract } = drafted({ beginAnew });
    expect(contract.model).toEqual({
      ...previous.contract.model,
      spec: { ...previous.contract.model.spec, initial: beginAnew.initial },
      initialDigest: beginAnew.initialDigest,
    });
    expect(contract).toMatchObject({ rounds: 5, predecessor: { contract: previous.digest, round: 2 } });
  });

  it('has a successor of its own', () => {
    const second = drafted();
    const third = must(
      draftSuccessor({ previous: second, release: { ...release, round: 3 }, appraisal, at, rounds: 1 }),
    );
    expect(third.contract.predecessor).toEqual({ contract: second.digest, head: release.head, round: 3 });
  });

  const first = previous.contract.organisations[0];
  const twice = [...previous.contract.organisations, { ...first, name: 'again' }] as SuccessorDraft['organisations'];
  const wide = testContract({ grid: { stepLog2: -20, coordinateBound: 2 ** 31 - 1, weightCap: 2 ** 20, l2Bound: 2 } });
  const fifth = { id: organisationId('elm'), name: 'elm', key: organisationSigner('elm').publicKey };
  it.each<[string, Partial<SuccessorDraft>, string]>([
    ['no round is left', { release: { ...release, round: 5 } }, 'E-CONTRACT-INVALID: rounds: none are left'],
    [
      'it would begin again at the weights that the study began with',
      { beginAnew: { initial: { kind: 'zeros' }, initialDigest: previous.contract.model.initialDigest } },
      'E-CONTRACT-INVALID: model.initial: the contract before began with the same weights',
    ],
    ['a hospital stands twice', { organisations: twice ?? [] }, 'E-CONTRACT-INVALID: organisations: an id'],
    [
      'too few hospitals are left',
      { organisations: previous.contract.organisations.slice(0, 2) },
      'E-CONTRACT-INVALID: kMin: more than there are organisations',
    ],
    [
      'there are more hospitals than the grid bears',
      { previous: wide, organisations: [...wide.contract.organisations, fifth] },
      'E-CONTRACT-OVERFLOW: grid',
    ],
    ['it is not valid for a moment', { validityMs: 0 }, 'E-CONTRACT-INVALID: validity: ends before it begins'],
    ['its release has no round', { release: { ...release, round: 0 } }, 'E-CONTRACT-INVALID: predecessor.round'],
  ])('is refused when %s', (_what, change, want) => {
    expect(outcome(draft(change))).toContain(want);
  });

  it('is refused without a hospital that must take part', () => {
    const required = testContract({ requireSites: ['dogwood'].map(organisationId) });
    const organisations = previous.contract.organisations.slice(0, 3);
    expect(outcome(draft({ previous: required, organisations }))).toContain('requireSites: not among');
  });
});
