import { z } from 'zod';
import { bytesEqual } from '../core/bytes.ts';
import type { Signer } from '../core/ed25519.ts';
import { refusal, type Refusal } from '../core/errors.ts';
import type { Digest, Instant, OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { digest, instant, organisationId } from './shapes.ts';
import { openDocument, signDocument, type OpenedDocument } from './signed-document.ts';
import type { Organisation, SealedContract, StudyContract } from './study-contract.ts';

export const approval = z.strictObject({
  format: z.literal('consilium/approval/v1'),
  contract: digest,
  organisation: organisationId,
  /** ε at the plan's δ that this hospital allows the contract; null: none is asked, because no noise is used. */
  epsilonBudget: z.number().nonnegative().nullable(),
  expires: instant,
});
export type Approval = z.output<typeof approval>;

/** A hospital's consent to one contract, signed with `ORG_i` (PROTOCOL §6.1). */
export function signApproval(fields: Omit<Approval, 'format'>, signer: Signer): Uint8Array {
  return signDocument('approval', { format: 'consilium/approval/v1', ...fields }, signer);
}

export function findOrganisation(contract: StudyContract, id: OrganisationId): Result<Organisation, Refusal> {
  const found = contract.organisations.find((candidate) => candidate.id === id);
  return found === undefined ? err(refusal('E-ORG-UNKNOWN', id)) : ok(found);
}

/** An approval that is signed by a named organisation, for this contract, not expired at `at`, and with an ε if noise is used. */
export function openApproval(
  bytes: Uint8Array,
  { sealed, at }: { readonly sealed: Pick<SealedContract, 'contract' | 'digest'>; readonly at: Instant },
): Result<OpenedDocument<Approval>, Refusal> {
  const opened = openDocument(bytes, {
    domain: 'approval',
    schema: approval,
    signedBy: ({ organisation }) => keyOf(sealed.contract, organisation),
    code: 'E-APPROVAL-INVALID',
  });
  if (!opened.ok) return opened;
  const { contract, expires, organisation, epsilonBudget } = opened.value.document;
  if (!bytesEqual(contract, sealed.digest))
    return err(refusal('E-APPROVAL-INVALID', `${organisation}: another contract`));
  if (expires <= at) return err(refusal('E-APPROVAL-INVALID', `${organisation}: expired`));
  if (epsilonBudget === null && sealed.contract.privacy.placement !== 'none')
    return err(refusal('E-APPROVAL-INVALID', `${organisation}: allows no epsilon, and the contract spends one`));
  return opened;
}

/** The key of `id`; for unknown ids no key at all, so that no signature verifies. */
export function keyOf(contract: StudyContract, id: OrganisationId): Uint8Array {
  return contract.organisations.find((candidate) => candidate.id === id)?.key ?? new Uint8Array();
}

export const withdrawal = z.strictObject({
  format: z.literal('consilium/withdrawal/v1'),
  contract: digest,
  organisation: organisationId,
  at: instant,
});
export type Withdrawal = z.output<typeof withdrawal>;

/** A hospital leaves the study (PROTOCOL §6.3). */
export function signWithdrawal(fields: Omit<Withdrawal, 'format'>, signer: Signer): Uint8Array {
  return signDocument('withdrawal', { format: 'consilium/withdrawal/v1', ...fields }, signer);
}

export function openWithdrawal(
  bytes: Uint8Array,
  { contract, contractDigest }: { readonly contract: StudyContract; readonly contractDigest: Digest },
): Result<OpenedDocument<Withdrawal>, Refusal> {
  const opened = openDocument(bytes, {
    domain: 'withdrawal',
    schema: withdrawal,
    signedBy: ({ organisation }) => keyOf(contract, organisation),
    code: 'E-APPROVAL-INVALID',
  });
  if (!opened.ok) return opened;
  if (!bytesEqual(opened.value.document.contract, contractDigest))
    return err(refusal('E-APPROVAL-INVALID', 'another contract'));
  return opened;
}
