import { readNamedFile } from '../../lib/config/named-file.ts';
import { findOrganisation } from '../../lib/contract/approval.ts';
import { openContract, type Organisation, type SealedContract } from '../../lib/contract/study-contract.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { brokenTerm } from '../../lib/audit/broken-term.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';

/** The contract in a file, every rule checked. Throws RefusalError: E-CONFIG for no file, E-CONTRACT-… for a bad one. */
export async function readContract(path: string): Promise<SealedContract> {
  const sealed = openContract(await readNamedFile(path));
  if (!sealed.ok) throw new RefusalError({ ...sealed.error, detail: `${path}: ${sealed.error.detail}` });
  const broken = brokenTerm(sealed.value.contract);
  if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', `${path}: ${broken}`));
  return sealed.value;
}

/** The organisation `id` of the contract; throws RefusalError E-ORG-UNKNOWN. */
export function partyOf({ contract }: SealedContract, id: OrganisationId): Organisation {
  const found = findOrganisation(contract, id);
  if (!found.ok) throw new RefusalError(found.error);
  return found.value;
}
