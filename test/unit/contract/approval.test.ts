import { describe, expect, it } from 'vitest';
import {
  findOrganisation,
  keyOf,
  openApproval,
  openWithdrawal,
  signApproval,
  signWithdrawal,
} from '../../../lib/contract/approval.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import {
  DAY_MS,
  digestOf,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../../support/test-contract.ts';
import { noisyContract } from '../../support/noisy-contract.ts';
import { outcome } from './outcome.ts';

const sealed = testContract();
const adler = organisationId('adler');
const fields = { contract: sealed.digest, organisation: adler, epsilonBudget: 3.5, expires: instant(START + DAY_MS) };
const signer = organisationSigner('adler');
const signed = signApproval(fields, signer);
const open = (bytes: Uint8Array, at = START): string => outcome(openApproval(bytes, { sealed, at }));

describe('PROTOCOL §6.1: approvals', () => {
  it('open to what was signed, for the organisation that signed', () => {
    const opened = openApproval(signed, { sealed, at: START });
    expect(opened.ok && opened.value.document).toEqual({ format: 'consilium/approval/v1', ...fields });
    expect(opened.ok && opened.value.bytes).toEqual(signed);
    expect(open(testApproval(sealed, adler))).toBe('opened');
  });

  it('expire at their expiry and not a millisecond before', () => {
    expect(open(signed, instant(START + DAY_MS - 1))).toBe('opened');
    expect(open(signed, instant(START + DAY_MS))).toBe('E-APPROVAL-INVALID: adler: expired');
  });

  it('count for one contract only', () => {
    const successor = signApproval({ ...fields, contract: testContract({ rounds: 4 }).digest }, signer);
    expect(open(successor)).toBe('E-APPROVAL-INVALID: adler: another contract');
  });

  it('name an epsilon where the contract spends one, and need none where it does not', () => {
    const noisy = noisyContract('site');
    const approved = (epsilonBudget: number | null): string => {
      const bytes = signApproval({ ...fields, contract: noisy.digest, epsilonBudget }, signer);
      return outcome(openApproval(bytes, { sealed: noisy, at: START }));
    };
    expect(approved(null)).toBe('E-APPROVAL-INVALID: adler: allows no epsilon, and the contract spends one');
    expect(approved(0.25)).toBe('opened');
    expect(open(signApproval({ ...fields, epsilonBudget: null }, signer))).toBe('opened');
  });

  it('count only under the key that the contract gives the organisation', () => {
    expect(open(signApproval(fields, organisationSigner('birch')))).toContain('does not verify');
    expect(open(signApproval({ ...fields, organisation: organisationId('elm') }, signer))).toContain('does not verify');
    const unknown = organisationSigner('elm');
    expect(open(signApproval({ ...fields, organisation: organisationId('elm') }, unknown))).toContain(
      'does not verify',
    );
  });

  it.each([
    ['a negative budget', { epsilonBudget: -1 }],
    ['another format', { format: 'consilium/approval/v2' }],
    ['an unknown field', { note: 'yes' }],
    ['no organisation', { organisation: 'Not A Name' }],
    ['a short digest', { contract: digestOf('x').subarray(1) }],
    ['a fractional expiry', { expires: START + 0.5 }],
  ])('are refused with %s', (_, change) => {
    expect(open(signApproval({ ...fields, ...change } as typeof fields, signer))).toMatch(/^E-APPROVAL-INVALID/);
  });
});

describe('PROTOCOL §6.3: withdrawals', () => {
  const context = { contract: sealed.contract, contractDigest: sealed.digest };
  const withdrawal = { contract: sealed.digest, organisation: adler, at: START };

  it('open for the organisation that signed, and only for this contract', () => {
    const opened = openWithdrawal(signWithdrawal(withdrawal, signer), context);
    expect(opened.ok && opened.value.document.organisation).toBe('adler');
    const elsewhere = signWithdrawal({ ...withdrawal, contract: digestOf('another') }, signer);
    expect(outcome(openWithdrawal(elsewhere, context))).toBe('E-APPROVAL-INVALID: another contract');
  });

  it('are not forged by another hospital, nor made from an approval', () => {
    expect(outcome(openWithdrawal(signWithdrawal(withdrawal, organisationSigner('birch')), context))).toContain(
      'does not verify',
    );
    expect(outcome(openWithdrawal(signed, context))).toMatch(/^E-APPROVAL-INVALID/);
  });
});

describe('organisations of a contract', () => {
  it('are found by id; a stranger has no key, so that nothing verifies under it', () => {
    expect(outcome(findOrganisation(sealed.contract, adler))).toBe('opened');
    expect(outcome(findOrganisation(sealed.contract, organisationId('elm')))).toBe('E-ORG-UNKNOWN: elm');
    expect(keyOf(sealed.contract, adler)).toEqual(signer.publicKey);
    expect(keyOf(sealed.contract, organisationId('elm'))).toHaveLength(0);
  });
});
