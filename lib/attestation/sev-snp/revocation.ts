import { bytesEqual } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { absentRevocation, type AuthenticationInputs } from '../authentication.ts';
import { ofKind } from '../collateral/collateral.ts';
import type { Certificate } from '../x509/certificate.ts';
import { nameOf } from '../x509/check-chain.ts';
import { listFault, parseRevocationList, type RevocationList } from '../x509/revocation-list.ts';
import { tableCollateral } from './certificate-table.ts';
import type { SnpEndorsements } from './endorsements.ts';
import type { SnpEvidence } from './evidence.ts';

/**
 * AMD's revocation lists, which the ARK signs and which name revoked ASKs and ASVKs. All VCEKs and VLEKs have serial
 * number 0, so a list that names that number is taken to revoke whatever it stands over. Lists in the host's table
 * count only where the verifier has none of this ARK; an unreadable one counts as given.
 */
export function checkRevocation(
  evidence: SnpEvidence,
  { leaf, intermediate, root }: SnpEndorsements,
  { at, collateral, revocation, issuedSince = -Infinity }: AuthenticationInputs,
): Check[] {
  const want = `a list signed by ${root === null ? 'the ARK' : nameOf(root)}, in date`;
  if (root === null) return [absentRevocation('revocation list', want, revocation)];
  const own = listsOf(ofKind(collateral, 'revocation-list'), root);
  const hosts = listsOf(ofKind(tableCollateral(evidence.certificates), 'revocation-list'), root);
  const lists = own.length > 0 ? own : hosts.filter((list) => (list?.thisUpdate ?? issuedSince) >= issuedSince);
  if (lists.length === 0) return [absentRevocation('revocation list', want, revocation)];
  const faults = lists
    .map((list) => (list === null ? 'unreadable' : listFault(list, root, at)))
    .filter((fault) => fault !== null);
  const revoked = [leaf, intermediate].filter(
    (certificate): certificate is Certificate =>
      certificate !== null && lists.some((list) => list?.revoked.has(certificate.serial) === true),
  );
  return [
    {
      name: 'revocation list',
      code: 'E-ATTEST-COLLATERAL-INVALID',
      passed: faults.length === 0,
      got: faults.length === 0 ? `${lists.length} in date` : faults.join(', '),
      want,
    },
    {
      name: 'revocation',
      code: 'E-ATTEST-REVOKED',
      passed: revoked.length === 0,
      got: revoked.length === 0 ? 'not revoked' : `revoked: ${revoked.map(nameOf).join(', ')}`,
      want: 'neither the signing key nor its authority revoked',
    },
  ];
}

/** The lists that name this issuer, and null for each that cannot be read. */
function listsOf(items: readonly { readonly der: Uint8Array }[], issuer: Certificate): (RevocationList | null)[] {
  return items.flatMap(({ der }) => {
    const read = parseRevocationList(der);
    if (!read.ok) return [null];
    return bytesEqual(read.value.issuer, issuer.subject) ? [read.value] : [];
  });
}
